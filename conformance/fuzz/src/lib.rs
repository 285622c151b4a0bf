//! Fuzz targets: what must hold for whatever bytes come in.
