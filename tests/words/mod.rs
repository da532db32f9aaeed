//! Every word of the policy expressions as an expression that can be made.
#![allow(dead_code)]

use downbeat::policy::Expression;

/// One expression per word, with the arguments that it needs.
pub(crate) fn each() -> impl Iterator<Item = String> {
    Expression::words().map(|(usage, _)| {
        let usage = usage.replace("NAME", "root").replace("|polls", "");
        let usage = usage.replace(", seed", "").replace("(seed)", "");
        usage.replace("10ms", "100us").replace(" >", "")
    })
}

/// The same, and some chains.
pub(crate) fn and_chains() -> Vec<String> {
    let chains = ["groups(fair(polls)) > lifo", "slot(2) > groups(fair) > edf"];
    each().chain(chains.map(str::to_owned)).collect()
}
