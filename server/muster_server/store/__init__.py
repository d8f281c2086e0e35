"""The only code that writes rows. Queries have names; each module holds those of one subject."""
