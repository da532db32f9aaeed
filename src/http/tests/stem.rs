//! Tests of the stem: with it, every head is what it is without.

use super::*;
use crate::http::Headers;
use crate::http::target::Target;
use crate::testing::Rng;

#[test]
fn a_head_is_the_same_with_and_without_a_stem() {
    let urls = [
        "http://a.test/x",
        "http://a.test/x/y?z=1",
        "http://b.test:81/",
        "https://a.test/",
        "http://user:s3cret@a.test/",
        "http://a.test/%20",
    ];
    let methods = [
        Method::GET,
        Method::HEAD,
        Method::POST,
        Method::CONNECT,
        Method::TRACE,
    ];
    let mut with_field = Headers::new();
    assert!(with_field.append("X-Secret", "s3cret").is_ok());
    let lists = [Headers::new(), with_field];
    let (mut rng, stem) = (Rng::new(3), Stem::default());
    let (mut kept, mut refused) = (0, 0);
    for _ in 0..5_000 {
        let mut pick = |most: usize| rng.below(most);
        let target = Target::of(urls[pick(urls.len())]).unwrap_or_else(|e| panic!("{e}"));
        let origin = Origin::of(target.url()).unwrap_or_else(|e| panic!("{e}"));
        let head = RequestHead {
            method: &methods[pick(methods.len())],
            url: &target,
            origin: &origin,
            headers: &lists[usize::from(pick(4) == 0)],
            defaults: &lists[usize::from(pick(4) == 0)],
            left_home: pick(2) == 0,
            form: match pick(4) {
                0 => TargetForm::Absolute(Some("Basic eA==")),
                _ => TargetForm::Origin,
            },
            body: [BodyLength::None, BodyLength::None, BodyLength::Known(3)][pick(3)],
            user_agent: "db/1",
            decode: pick(2) == 0,
        };
        let (mut ours, mut obvious) = (b"before".to_vec(), b"before".to_vec());
        let asked = stem.write_head(&mut ours, &head).map_err(|e| e.kind());
        let want = request::write_head(&mut obvious, &head).map_err(|e| e.kind());
        assert_eq!(
            ours.escape_ascii().to_string(),
            obvious.escape_ascii().to_string()
        );
        assert_eq!(format!("{asked:?}"), format!("{want:?}"));
        refused += usize::from(asked.is_err());
        let now = stem.0.borrow();
        if let Some(now) = now.as_ref() {
            kept += 1;
            let text = String::from_utf8_lossy(&now.fields).into_owned();
            assert!(
                !text.contains("ecret") && !text.contains("Authorization"),
                "{text}"
            );
        }
    }
    assert!(kept > 1_000 && refused > 100, "{kept} {refused}");
}
