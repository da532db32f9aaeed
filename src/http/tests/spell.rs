//! Tests of the spells of decoding.

use super::*;

#[test]
fn a_spell_ends_after_its_parts_and_a_pause_begins_a_new_one() {
    let mut spell = Spell::new();
    for round in 0..3 {
        spell.resume();
        assert!(!spell.is_over(), "round {round}");
        let mut parts = 0;
        while !spell.is_over() {
            spell.part();
            parts += 1;
        }
        assert!((1..=PARTS).contains(&parts), "{parts} parts");
    }
}

#[test]
fn what_is_not_over_goes_on_where_it_was() {
    let mut runtime = crate::Runtime::builder().virtual_clock().build().unwrap();
    let parts = runtime.block_on(async {
        let mut spell = Spell::new();
        let mut parts = 0;
        while !spell.is_over() {
            spell.resume();
            spell.part();
            parts += 1;
        }
        parts
    });
    // No time passes there: the parts alone count.
    assert_eq!(parts, PARTS);
}

#[test]
fn slow_work_ends_a_spell_before_its_parts_do() {
    let mut runtime = crate::Runtime::builder().virtual_clock().build().unwrap();
    runtime.block_on(async {
        let mut spell = Spell::new();
        spell.resume();
        time::work(TIME / 2);
        spell.part();
        assert!(!spell.is_over());
        time::work(TIME / 2);
        spell.part();
        assert!(spell.is_over());
        spell.resume();
        assert!(!spell.is_over());
        // Who was slow once is not trusted with large parts again.
        assert_eq!(spell.part_size(), SMALL_PART);
    });
}
