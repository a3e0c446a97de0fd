//! It obeys: one file per document, one test per MUST.
