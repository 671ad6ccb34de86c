"""Of what the reading of a table of text is made: lines, layout, numbers, clock and columns."""
