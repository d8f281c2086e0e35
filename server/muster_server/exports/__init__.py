"""What leaves Muster as a file: CSV that is safe to open in a spreadsheet."""
