"""Videos that are still coming in: files that grow, folders, streams; followed, stopped and gone on with."""
