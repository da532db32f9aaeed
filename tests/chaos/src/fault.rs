//! What a proxy does to a connection, chosen by seed and number.

use downbeat::testing::Rng;
use std::fmt;
use std::str::FromStr;

/// What is done to one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    None,
    /// Every piece comes so many milliseconds late.
    Delay(u64),
    /// One byte at a time, the first so many.
    Dribble(usize),
    /// Pieces of random size.
    Split,
    /// Nothing for some milliseconds, then all that has come.
    Coalesce(u64),
    /// Reset towards the client after so many bytes to it.
    ResetDown(usize),
    /// Reset towards both after so many bytes to the origin.
    ResetUp(usize),
    /// End of file to the client after so many bytes to it; the other way stays open.
    HalfClose(usize),
    /// Silence both ways after so many bytes to the client.
    BlackHole(usize),
    /// Bytes that nobody asked for, some time after a response.
    IdleBytes,
    /// The connection is accepted and nothing is read or sent.
    Deaf,
    /// The connection is accepted and closed.
    Close,
    /// The connection is accepted and reset.
    Reset,
    /// An urgent byte is put into the stream to the client after so many bytes. It is
    /// not part of the stream; a read stops in front of it.
    Urgent(usize),
}

impl Fault {
    /// May a request that meets it fail?
    pub fn is_harmful(self) -> bool {
        use Fault::{Coalesce, Delay, Dribble, IdleBytes, None, Split, Urgent};
        let mild = [None, Split, IdleBytes];
        let slow = matches!(self, Delay(_) | Dribble(_) | Coalesce(_) | Urgent(_));
        !slow && !mild.contains(&self)
    }
}

/// Which faults a proxy chooses from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// No fault at all.
    Clean,
    /// What a right client does not notice.
    Rough,
    /// Everything.
    Hostile,
    /// Does not accept at all: clients wait in the queue of the listener.
    Never,
    /// One fault on every connection.
    Only(Fault),
}

impl Profile {
    /// The fault of a connection.
    pub fn fault(self, seed: u64, number: usize) -> Fault {
        let mix = (number as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut rng = Rng::new(seed ^ mix);
        match self {
            Profile::Clean | Profile::Never => Fault::None,
            Profile::Only(fault) => fault,
            Profile::Rough => rough(&mut rng),
            Profile::Hostile if rng.one_in(2) => rough(&mut rng),
            Profile::Hostile => hostile(&mut rng),
        }
    }
}

fn rough(rng: &mut Rng) -> Fault {
    // No idle bytes: in a crowd the next request may be on its way already, and then
    // no client can tell whose they are.
    match rng.below(6) {
        0 => Fault::Delay(1 + rng.below(10) as u64),
        1 => Fault::Dribble(rng.below(300)),
        2 => Fault::Split,
        3 => Fault::Coalesce(1 + rng.below(20) as u64),
        4 => Fault::Urgent(rng.below(300)),
        _ => Fault::None,
    }
}

fn hostile(rng: &mut Rng) -> Fault {
    let after = match rng.below(3) {
        0 => rng.below(200),
        1 => rng.below(2000),
        _ => rng.below(20_000),
    };
    match rng.below(7) {
        0 => Fault::ResetDown(after),
        1 => Fault::ResetUp(after),
        2 => Fault::HalfClose(after),
        3 => Fault::BlackHole(after),
        4 => Fault::Deaf,
        5 => Fault::Close,
        _ => Fault::Reset,
    }
}

impl FromStr for Profile {
    type Err = String;

    fn from_str(text: &str) -> Result<Profile, String> {
        let (name, number) = text.split_once('=').unwrap_or((text, "0"));
        let number: usize = number.parse().map_err(|_| format!("{number}: no number"))?;
        let only = Profile::Only;
        Ok(match name {
            "clean" => Profile::Clean,
            "rough" => Profile::Rough,
            "hostile" => Profile::Hostile,
            "accept-never" => Profile::Never,
            "delay" => only(Fault::Delay(number as u64)),
            "dribble" => only(Fault::Dribble(number)),
            "split" => only(Fault::Split),
            "coalesce" => only(Fault::Coalesce(number as u64)),
            "reset-down" => only(Fault::ResetDown(number)),
            "reset-up" => only(Fault::ResetUp(number)),
            "half-close" => only(Fault::HalfClose(number)),
            "black-hole" => only(Fault::BlackHole(number)),
            "idle-bytes" => only(Fault::IdleBytes),
            "deaf" => only(Fault::Deaf),
            "accept-and-close" => only(Fault::Close),
            "accept-and-reset" => only(Fault::Reset),
            "urgent" => only(Fault::Urgent(number)),
            _ => return Err(format!("no such profile: {name}")),
        })
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}
