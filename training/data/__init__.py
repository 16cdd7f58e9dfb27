"""Tasks with their truth (`task`), in files and data sets (`task_files`), and readers of released sets (`readers`)."""
