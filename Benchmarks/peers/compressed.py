"""Writes an HDF5 file of float32 weights, gzip and shuffle, in chunks of 1 MiB: compressed.py PATH BYTES"""

import sys

import h5py
import numpy as np


def main():
    path, size = sys.argv[1], int(sys.argv[2])
    random = np.random.default_rng(0)
    columns, count = 2048, 8
    rows = size // count // columns // 4
    with h5py.File(path, "w") as file:
        for index in range(count):
            values = random.standard_normal((rows, columns), dtype=np.float32)
            file.create_dataset(
                f"layer_{index}.weight",
                data=values,
                chunks=(min(rows, 128), columns),
                compression="gzip",
                compression_opts=1,
                shuffle=True,
            )


if __name__ == "__main__":
    main()
