//! What stands in, natively, for what the host lends: answers, values and a clock that the test's thread sets.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use crate::http::{Error, Request, Response};

type Answer = Box<dyn FnMut(&Request) -> Result<Response, Error>>;

thread_local! {
    static ANSWER: RefCell<Option<Answer>> = const { RefCell::new(None) };
    static SENT: RefCell<Vec<Request>> = const { RefCell::new(Vec::new()) };
    static BOUND: RefCell<BTreeMap<String, String>> = const { RefCell::new(BTreeMap::new()) };
    static NOW: Cell<Option<u64>> = const { Cell::new(None) };
}

/// Has `answer` answer this thread's requests from now on.
pub fn http(answer: impl FnMut(&Request) -> Result<Response, Error> + 'static) {
    ANSWER.set(Some(Box::new(answer)));
}

/// The requests that this thread sent since it was last asked.
pub fn requests() -> Vec<Request> {
    SENT.take()
}

/// Binds `value` to `name` for this thread, as the operator would; `None` unbinds it.
pub fn config(name: &str, value: Option<&str>) {
    BOUND.with_borrow_mut(|bound| match value {
        Some(value) => drop(bound.insert(name.to_owned(), value.to_owned())),
        None => drop(bound.remove(name)),
    });
}

/// Sets this thread's clock: nanoseconds since 1970. Until then it is the system's.
pub fn now(unix_nanos: u64) {
    NOW.set(Some(unix_nanos));
}

pub(crate) fn answered(request: Request) -> Result<Response, Error> {
    let answer = ANSWER.with_borrow_mut(|answer| match answer {
        Some(answer) => answer(&request),
        None => Err(Error::Refused("no `gadget::testing::http` was called in this test".to_owned())),
    });
    SENT.with_borrow_mut(|sent| sent.push(request));
    answer
}

pub(crate) fn bound(name: &str) -> Option<String> {
    BOUND.with_borrow(|bound| bound.get(name).cloned())
}

pub(crate) fn time() -> u64 {
    let system = || {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
    };
    NOW.get().unwrap_or_else(system)
}

pub(crate) mod store {
    use std::cell::RefCell;
    use std::collections::BTreeMap;

    use crate::store::Error;

    /// A value, and when it is too old.
    type Entry = (Vec<u8>, u64);

    thread_local! {
        static KEPT: RefCell<BTreeMap<String, Entry>> = const { RefCell::new(BTreeMap::new()) };
    }

    fn fresh((_, until): &Entry) -> bool {
        super::time() < *until
    }

    pub(crate) fn get(key: &str) -> Option<Vec<u8>> {
        KEPT.with_borrow(|kept| kept.get(key).filter(|it| fresh(it)).map(|(value, _)| value.clone()))
    }

    pub(crate) fn set(key: &str, value: &[u8], ttl_seconds: Option<u64>, _evict: bool) -> Result<u32, Error> {
        let until = ttl_seconds
            .map_or(u64::MAX, |ttl| super::time().saturating_add(ttl.saturating_mul(1_000_000_000)));
        KEPT.with_borrow_mut(|kept| kept.insert(key.to_owned(), (value.to_vec(), until)));
        Ok(0)
    }

    pub(crate) fn delete(key: &str) -> bool {
        KEPT.with_borrow_mut(|kept| kept.remove(key).is_some_and(|it| fresh(&it)))
    }

    pub(crate) fn keys(prefix: &str) -> Vec<String> {
        KEPT.with_borrow(|kept| {
            let found = kept.iter().filter(|(key, it)| key.starts_with(prefix) && fresh(it));
            found.map(|(key, _)| key.clone()).collect()
        })
    }
}
