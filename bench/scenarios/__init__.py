"""What is measured. Each scenario takes the stand-in and a size, and returns a `Result`."""
