"""Objects in pictures and over time.

A detector finds them in one picture: `ultralytics_detector` by YOLO weights, `motion_detector` without weights by what
differs from a learned background. `tracker` follows detections from frame to frame into `Track`s, `track_linking` joins
the pieces of one object, `moving_objects` runs all of it where there are no weights, and `export` and `drawing` write
tracks for other programs and for people.
"""
