"""Tables as people have them, and how well byhand learns them beside scikit-learn."""
