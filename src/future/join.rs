//! `join`: a few futures of different types at once, inside one task.
//!
//! Owns: the futures and the outputs that came early. A future is dropped as
//! soon as it has finished, not when the last one has.
//!
//! Each wake polls all that are still waiting: at most eight, so counting who
//! was woken would cost more than it saves. For many, see `join_all.rs`.
//!
//! The tuple impls come from one private macro; the expansion for a pair is
//! what its body says with `a` and `b` written out.
//!
//! Read next: `race.rs`.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

/// A tuple of two to eight futures, for [`join`].
pub trait Join {
    /// The tuple of their outputs, in the same order.
    type Output;

    /// Waits for all of them; the method behind [`join`].
    fn join(self) -> impl Future<Output = Self::Output>;
}

/// Runs a tuple of two to eight futures at once and returns their outputs in
/// the same order.
///
/// # Cancel safety
/// Dropping it drops the futures that have not finished and the outputs of
/// those that have.
#[doc(alias = "zip")]
pub fn join<T: Join>(futures: T) -> impl Future<Output = T::Output> {
    futures.join()
}

macro_rules! join_tuple {
    ($($F:ident $future:ident $output:ident),+) => {
        impl<$($F: Future),+> Join for ($($F,)+) {
            type Output = ($($F::Output,)+);

            async fn join(self) -> Self::Output {
                let ($($future,)+) = self;
                // `pin!(Some(..))`: a pinned place that can be emptied early.
                $(
                    let mut $future = pin!(Some($future));
                    let mut $output = None;
                )+
                poll_fn(move |cx| {
                    $(
                        if let Some(child) = $future.as_mut().as_pin_mut()
                            && let Poll::Ready(output) = child.poll(cx)
                        {
                            $output = Some(output);
                            $future.set(None);
                        }
                    )+
                    if $($output.is_none())||+ {
                        return Poll::Pending;
                    }
                    $(let Some($output) = $output.take() else { return Poll::Pending };)+
                    Poll::Ready(($($output,)+))
                })
                .await
            }
        }
    };
}

join_tuple!(A a out_a, B b out_b);
join_tuple!(A a out_a, B b out_b, C c out_c);
join_tuple!(A a out_a, B b out_b, C c out_c, D d out_d);
join_tuple!(A a out_a, B b out_b, C c out_c, D d out_d, E e out_e);
join_tuple!(A a out_a, B b out_b, C c out_c, D d out_d, E e out_e, F f out_f);
join_tuple!(A a out_a, B b out_b, C c out_c, D d out_d, E e out_e, F f out_f, G g out_g);
join_tuple!(
    A a out_a, B b out_b, C c out_c, D d out_d, E e out_e, F f out_f, G g out_g, H h out_h
);
