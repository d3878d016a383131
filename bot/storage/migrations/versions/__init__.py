"""One file per change of the schema, each named after its revision."""
