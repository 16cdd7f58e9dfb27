"""Adding a video to a memory: `pipeline` plans units of work and commits each when `worker_pool` has it done.

One file a channel (`visual_channel`, `speech_channel`, `objects_channel`, `summary_channel`) makes rows of pictures and
sound; `request` holds the options, `jobs` the messages to the workers, `planning` and `segmentation` cut the video.
"""
