"""Files that people name: names as text, safe opening, encodings of text, and which files of a folder are videos."""
