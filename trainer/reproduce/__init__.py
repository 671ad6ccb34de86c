"""Tables of the literature and of courses, on their own data, with our exported graphs."""
