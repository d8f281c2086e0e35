"""How the Windows package is made on a Debian: parts → folder → (signed) → MSI, the same bytes each time.

Enters: this repository, and the pinned parts that Maven and pip bring. Leaves: one MSI, its list of files for
application control, and the templates for Group Policy.
"""

from __future__ import annotations

# The day that files and the package bear; of no meaning but that it never changes. 2025-01-01.
EPOCH_SECONDS = 1_735_689_600
