"""The toolbox and the tools that look into a video."""
