//! `race`: the first of several futures that finishes; the others are dropped.
//!
//! Owns: the futures. The losers are dropped before the winner's output is
//! handed out, so nothing of them runs on behind the caller's back.
//!
//! Laws:
//! * Fair: each poll begins one place further on than the one before, and each
//!   new race begins where the last one did not (`rotation.rs`). `loop {
//!   race((a.recv(), b.recv())).await }` serves both channels even if both are
//!   always full.
//! * An output is never thrown away unseen by the race: polling stops at the
//!   first future that is ready.
//!
//! The tuple impls come from one private macro, as in `join.rs`.
//!
//! Absent on purpose: a biased form. Put the two polls into a `poll_fn`.
//!
//! Read next: `join_all.rs`.

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use crate::rotation;

/// What can be raced: tuples of two to eight futures of different types, and
/// `Vec`, arrays and mutable slices of one type.
pub trait Race {
    /// [`OneOf`] for a tuple, `(index, output)` for the others.
    type Output;

    /// Waits for the first of them; the method behind [`race`].
    fn race(self) -> impl Future<Output = Self::Output>;
}

/// Waits for the first of several futures and drops the others.
///
/// A tuple gives [`OneOf`], a `Vec`, array or `&mut [F]` (of `Unpin` futures,
/// which stay with the caller) gives `(index, output)`. Each wake polls all of
/// them.
///
/// # Panics
/// On its first poll if there is nothing to race: nothing could ever finish.
///
/// # Cancel safety
/// Losing a race is being dropped: race only futures whose own documentation
/// allows that, or race `&mut` of a future you keep.
#[doc(alias = "select")]
pub fn race<T: Race>(futures: T) -> impl Future<Output = T::Output> {
    futures.race()
}

/// Which future of a tuple won, with its output.
///
/// The places that a shorter tuple does not have are uninhabited, so a `match`
/// on the race of a pair is complete with `First` and `Second`.
#[doc(alias = "Either")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OneOf<
    A,
    B,
    C = Infallible,
    D = Infallible,
    E = Infallible,
    F = Infallible,
    G = Infallible,
    H = Infallible,
> {
    /// The first future of the tuple won.
    First(A),
    /// The second future of the tuple won.
    Second(B),
    /// The third future of the tuple won.
    Third(C),
    /// The fourth future of the tuple won.
    Fourth(D),
    /// The fifth future of the tuple won.
    Fifth(E),
    /// The sixth future of the tuple won.
    Sixth(F),
    /// The seventh future of the tuple won.
    Seventh(G),
    /// The eighth future of the tuple won.
    Eighth(H),
}

impl<F: Future> Race for Vec<F> {
    type Output = (usize, F::Output);

    async fn race(self) -> Self::Output {
        let mut pinned: Vec<_> = self.into_iter().map(Box::pin).collect();
        let winner = pinned.as_mut_slice().race().await;
        drop(pinned);
        winner
    }
}

impl<F: Future, const N: usize> Race for [F; N] {
    type Output = (usize, F::Output);

    fn race(self) -> impl Future<Output = Self::Output> {
        Vec::from(self).race()
    }
}

impl<F: Future + Unpin> Race for &mut [F] {
    type Output = (usize, F::Output);

    async fn race(self) -> Self::Output {
        assert!(!self.is_empty(), "race of no futures at all");
        let mut first = rotation::next();
        poll_fn(|cx| {
            first = first.wrapping_add(1);
            poll_from(self, first, cx)
        })
        .await
    }
}

/// One round over `futures`, beginning at place `first` (modulo their number).
fn poll_from<F: Future + Unpin>(
    futures: &mut [F],
    first: usize,
    cx: &mut Context<'_>,
) -> Poll<(usize, F::Output)> {
    let (before, from) = futures.split_at_mut(first % futures.len());
    let offset = before.len();
    let round = from.iter_mut().enumerate().map(|(i, f)| (i + offset, f));
    for (index, future) in round.chain(before.iter_mut().enumerate()) {
        if let Poll::Ready(output) = Pin::new(future).poll(cx) {
            return Poll::Ready((index, output));
        }
    }
    Poll::Pending
}

macro_rules! race_tuple {
    ($count:literal: $($F:ident $future:ident $index:literal $Place:ident),+ => $Output:ty) => {
        impl<$($F: Future),+> Race for ($($F,)+) {
            type Output = $Output;

            async fn race(self) -> Self::Output {
                let ($($future,)+) = self;
                $(let mut $future = pin!($future);)+
                let mut first = rotation::next();
                poll_fn(|cx| {
                    first = first.wrapping_add(1);
                    for step in 0..$count {
                        match first.wrapping_add(step) % $count {
                            $(
                                $index => if let Poll::Ready(output) = $future.as_mut().poll(cx) {
                                    return Poll::Ready(OneOf::$Place(output));
                                },
                            )+
                            _ => {}
                        }
                    }
                    Poll::Pending
                })
                .await
            }
        }
    };
}

race_tuple!(2: A a 0 First, B b 1 Second => OneOf<A::Output, B::Output>);
race_tuple!(3: A a 0 First, B b 1 Second, C c 2 Third => OneOf<A::Output, B::Output, C::Output>);
race_tuple!(4: A a 0 First, B b 1 Second, C c 2 Third, D d 3 Fourth
    => OneOf<A::Output, B::Output, C::Output, D::Output>);
race_tuple!(5: A a 0 First, B b 1 Second, C c 2 Third, D d 3 Fourth, E e 4 Fifth
    => OneOf<A::Output, B::Output, C::Output, D::Output, E::Output>);
race_tuple!(6: A a 0 First, B b 1 Second, C c 2 Third, D d 3 Fourth, E e 4 Fifth, F f 5 Sixth
    => OneOf<A::Output, B::Output, C::Output, D::Output, E::Output, F::Output>);
race_tuple!(7: A a 0 First, B b 1 Second, C c 2 Third, D d 3 Fourth, E e 4 Fifth, F f 5 Sixth,
    G g 6 Seventh
    => OneOf<A::Output, B::Output, C::Output, D::Output, E::Output, F::Output, G::Output>);
race_tuple!(8: A a 0 First, B b 1 Second, C c 2 Third, D d 3 Fourth, E e 4 Fifth, F f 5 Sixth,
    G g 6 Seventh, H h 7 Eighth
    => OneOf<
        A::Output, B::Output, C::Output, D::Output, E::Output, F::Output, G::Output, H::Output,
    >);
