"""Videos by time: exact frames, keyframes, sound and shots of files, and pictures that media URIs or people name."""
