//! The auditor's verifier: from published files and keys given out of band, without us.
