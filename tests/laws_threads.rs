//! What the types promise about threads.

mod laws;

use downbeat::policy::{Fifo, Policy, Runnable, Sched};
use downbeat::runtime::Runtime;
use downbeat::time::{Interval, Sleep, Timeout};
use downbeat::*;
use std::future::Pending;
use std::rc::Rc;

/// X09, T23: compiled means passed.
mod auto_traits {
    use super::*;
    use std::sync::Arc;

    fn send<T: Send>() {}
    fn sync<T: Sync>() {}
    fn unpin<T: Unpin>() {}

    /// Has one `check` for a type that is not `Send`, and two for one that is: then
    /// the call is ambiguous and does not compile.
    trait NotSend<Witness> {
        fn check() {}
    }
    struct IsSend;
    impl<T: ?Sized> NotSend<()> for T {}
    impl<T: ?Sized + Send> NotSend<IsSend> for T {}

    #[test]
    fn x09_t23_types_that_may_leave_the_thread() {
        send::<Sleep>();
        send::<Interval>();
        send::<Timeout<Sleep>>();
        send::<AbortHandle>();
        sync::<AbortHandle>();
        send::<Handle>();
        sync::<Handle>();
        send::<runtime::RemoteJoin<u8>>();
        send::<runtime::WaitError>();
        send::<JoinError>();
        send::<BlockingHandle<u8>>();
        send::<BlockingError>();
        send::<SpawnOptions>();
        send::<runtime::TaskInfo>();
        send::<runtime::Stuck>();
        send::<runtime::Report>();
        send::<runtime::Stats>();
        send::<io::Registered<mio::net::TcpStream>>();
        send::<task::TaskId>();
        sync::<task::TaskId>();
        send::<Arc<Handle>>();
        unpin::<Sleep>();
        unpin::<JoinHandle<Pending<()>>>();
        unpin::<Gather<Pending<()>>>();
    }

    #[test]
    fn x09_t23_types_that_may_not() {
        <Runtime as NotSend<_>>::check();
        <Runtime<Box<dyn Policy>> as NotSend<_>>::check();
        <JoinHandle<u8> as NotSend<_>>::check();
        <Gather<u8> as NotSend<_>>::check();
        <TaskGroup<u8> as NotSend<_>>::check();
        <Runnable as NotSend<_>>::check();
        <Sched as NotSend<_>>::check();
        <Fifo as NotSend<_>>::check();
        <runtime::RemoteJoin<Rc<u8>> as NotSend<_>>::check();
        <runtime::Builder<Box<dyn Policy>> as NotSend<_>>::check();
        <sync::channel::Sender<u8> as NotSend<_>>::check();
    }
}
