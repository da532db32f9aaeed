//! What is printed of the public types: each says its name, also from inside the task it
//! is about, and errors are sentences.

use downbeat::io::{AsyncReadExt, AsyncWriteExt, BufReader, BufWriter, split};
use downbeat::policy::Lifo;
use downbeat::runtime::{Handle, stats};
use downbeat::testing::{Script, pair};
use downbeat::{Runtime, TaskGroup, spawn, sync, time};
use std::fmt::{Debug, Display};
use std::time::Duration;

/// The type's name stands at the front, and nothing panics.
#[track_caller]
fn named(name: &str, value: &impl Debug) {
    let text = format!("{value:?}");
    assert!(text.starts_with(name), "{name}: {text}");
}

/// A sentence without a capital or a full stop, as errors are written.
#[track_caller]
fn sentence(error: &(impl Display + Debug)) {
    let text = error.to_string();
    let first = text.chars().next().expect("some text");
    assert!(first.is_lowercase() && !text.ends_with('.'), "{text}");
    assert!(!format!("{error:?}").is_empty());
}

#[test]
fn the_loop_and_its_tasks() {
    let builder = Runtime::builder().virtual_clock().measure(true);
    named("Builder", &builder);
    let mut runtime = builder.build().unwrap();
    named("Runtime", &runtime);
    named("Handle", &runtime.handle());
    runtime.block_on(async {
        let mut group = TaskGroup::<()>::new();
        group.spawn(async {});
        named("TaskGroup", &group);
        group.shutdown().await;
        let handle = spawn(async {
            downbeat::runtime::current_task(|task| named("Sched", task)).unwrap();
            time::sleep(Duration::from_millis(1)).await;
        });
        named("JoinHandle", &handle);
        let abort = handle.abort_handle().unwrap();
        named("AbortHandle", &abort);
        assert_eq!(handle.id(), Some(abort.id()));
        abort.abort();
        let error = handle.await.unwrap_err();
        sentence(&error);
        let remote = Handle::current().unwrap().spawn(async { 1 });
        named("RemoteJoin", &remote);
        assert_eq!(remote.await.unwrap(), 1);
        // Only a loop whose policy is a box takes another.
        let refused = Handle::current()
            .unwrap()
            .set_policy(|| Box::new(Lifo::new()));
        sentence(&refused.await.unwrap().unwrap_err());
        assert!(stats().busy() <= stats().running);
    });
    let handle = runtime.handle();
    drop(runtime);
    sentence(&handle.call(|| {}).unwrap_err());
    let gone = handle.spawn(async {}).wait().unwrap_err();
    sentence(&gone);
}

#[test]
fn channels_and_their_errors() {
    let (sender, receiver) = sync::channel(1);
    named("channel::Sender", &sender);
    named("channel::Receiver", &receiver);
    sentence(&receiver.try_recv().unwrap_err());
    sender.try_send(1).unwrap();
    sentence(&sender.try_send(2).unwrap_err());
    drop(receiver);
    sentence(&sender.try_send(3).unwrap_err());
    let (sender, mut receiver) = sync::oneshot::<u8>();
    sentence(&receiver.try_recv().unwrap_err());
    drop(sender);
    sentence(&receiver.try_recv().unwrap_err());
    let (sender, mut receiver) = sync::remote::channel(1);
    named("remote::Sender", &sender);
    sentence(&receiver.try_recv().unwrap_err());
    assert_eq!((sender.capacity(), sender.is_empty()), (1, true));
    sender.try_send(1).unwrap();
    sentence(&sender.try_send(2).unwrap_err());
    drop(receiver);
    sentence(&sender.try_send(3).unwrap_err());
    let permits = sync::Semaphore::new(0);
    named("Semaphore", &permits);
    sentence(&permits.try_acquire(1).unwrap_err());
    permits.close();
    sentence(&permits.try_acquire(1).unwrap_err());
}

#[test]
fn streams_and_their_wrappers() {
    downbeat::testing::block_on(async {
        let script = Script::new().send("a line\n").expect("back");
        let mut reader = BufReader::new(script.clone());
        named("BufReader", &reader);
        let mut line = String::new();
        reader.read_line(&mut line, 100).await.unwrap();
        assert_eq!((line.as_str(), reader.buffer()), ("a line\n", &b""[..]));
        let mut writer = BufWriter::new(reader.into_stream());
        named("BufWriter", &writer);
        writer.write_all(b"back").await.unwrap();
        assert!(!script.is_finished());
        writer.flush().await.unwrap();
        assert!(script.is_finished());
        let (ours, mut theirs) = pair(10);
        let (mut read, mut write) = split(ours);
        named("ReadHalf", &read);
        named("WriteHalf", &write);
        write.write_all(b"12").await.unwrap();
        theirs.write_all(b"34").await.unwrap();
        let mut buf = [0; 2];
        theirs.read_exact(&mut buf).await.unwrap();
        assert_eq!(&buf, b"12");
        read.read_exact(&mut buf).await.unwrap();
        assert_eq!(&buf, b"34");
    });
}
