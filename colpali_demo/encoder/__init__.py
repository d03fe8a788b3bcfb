"""Load a ColPali checkpoint and turn pages and queries into multi-vectors that know what each vector is."""
