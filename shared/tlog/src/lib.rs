//! Transparency-log formats: RFC 9162 trees and the C2SP documents, to the byte.
