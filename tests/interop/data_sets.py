"""The data sets that are made and read: the options of `clickme export`, by the name of the folder."""

# Eight photographs a file, so that there is more than one file to a split.
SEVERAL = ("--per-shard", "8", "--licence", "CC-BY-4.0")
EXPORTS = {
    "tfrecord": ("--format", "tfrecord", *SEVERAL),
    "tfrecord-players": ("--format", "tfrecord", "--per-player"),
    "tfrecord-no-images": ("--format", "tfrecord", "--images", "none"),
    "raw-1": ("--format", "tfrecord", "--schema", "raw", "--image-scale", "1", *SEVERAL),
    "raw-255": ("--format", "tfrecord", "--schema", "raw", "--image-scale", "255", "--blur", "gaussian"),
    "webdataset": ("--format", "webdataset", *SEVERAL),
    "parquet": ("--format", "parquet", *SEVERAL),
    "parquet-no-images": ("--format", "parquet", "--images", "none"),
    "hdf5": ("--format", "hdf5"),
    "npz": ("--format", "npz"),
    "ndjson": ("--format", "ndjson"),
}
