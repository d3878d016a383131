"""The words of the program: pure, without input or output, and importing no other room."""
