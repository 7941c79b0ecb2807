//! TXT values of DNS-01 challenges (RFC 8555 §8.4).

mod txt;

pub use self::txt::{DesiredState, IN_FLIGHT, SHOWN, TXT_TTL, TxtRecord, TxtStatus};
