"""What a row of the benchmark is, how it is measured, and how the page is written."""
