"""Tools in processes of their own: which run there, how they and the video get there, and what they may take."""
