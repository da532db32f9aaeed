//! The trail of a call: the requests it has behind it.
//!
//! Owns: method and URL of each, without secrets, and the redirects for the caller.
//!
//! Law: a call that was not redirected has no memory here, and most are not.
//!
//! Read next: `redirect.rs`, which goes by it.

use url::Url;

use super::method::Method;
use super::response::Redirect;

/// The requests made so far for one call.
#[derive(Default)]
pub(crate) struct Trail(Option<Box<Steps>>);

/// What a call that was redirected has behind it.
#[derive(Default)]
struct Steps {
    /// Method and URL of each request.
    visited: Vec<(Method, Url)>,
    /// The answers, for the caller.
    history: Vec<Redirect>,
}

impl Trail {
    /// A request was answered by a redirect: adds it to those made so far, and returns
    /// them all.
    pub(crate) fn visit(&mut self, method: &Method, url: &Url) -> &[(Method, Url)] {
        let visited = &mut self.0.get_or_insert_default().visited;
        visited.push((method.clone(), url.clone()));
        visited
    }

    /// The redirect was followed.
    pub(crate) fn note(&mut self, redirect: Redirect) {
        let steps = self.0.get_or_insert_default();
        steps.history.push(redirect);
    }

    /// The redirects that were followed.
    pub(crate) fn history(&self) -> &[Redirect] {
        self.0.as_ref().map_or(&[], |steps| &steps.history)
    }

    /// How many requests were made.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |steps| steps.visited.len())
    }
}
