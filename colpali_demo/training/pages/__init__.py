"""Pages to learn from: drawn on the fly or taken from PDFs, damaged as scans are, and what they teach."""
