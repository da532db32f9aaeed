//! Policies as text: any text is a policy or an error that points into it, and every
//! policy that can be written runs every task to its end.

use crate::policy::Expression;
use crate::runtime::Runtime;
use crate::task::SpawnOptions;
use crate::{spawn_with, yield_now};
use std::time::Duration;

/// The input is the text.
pub fn target(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let expression: Expression = match text.parse() {
        Ok(expression) => expression,
        Err(error) => {
            let shown = format!("{error}");
            assert!(shown.contains('^'), "it points at nothing: {shown}");
            return;
        }
    };
    let again: Expression = expression
        .to_string()
        .parse()
        .expect("what it says of itself");
    assert_eq!(again.to_string(), text);
    let mut runtime = Runtime::builder()
        .virtual_clock()
        .policy(expression.build(7))
        .build()
        .expect("a loop");
    let done = runtime.try_block_on(async {
        let tasks: Vec<_> = (0..6_u32)
            .map(|task| {
                let options = SpawnOptions::new()
                    .name(format!("t{task}"))
                    .group(task % 3)
                    .priority(task)
                    .weight(1 + task);
                let steps = async move {
                    for step in 0..4 {
                        yield_now().await;
                        if step == 2 {
                            crate::time::sleep(Duration::from_millis(u64::from(task))).await;
                        }
                    }
                };
                spawn_with(steps, options)
            })
            .collect();
        let mut done = 0;
        for task in tasks {
            done += u32::from(task.await.is_ok());
        }
        done
    });
    assert!(matches!(done, Ok(6)), "{text}: {done:?}");
}
