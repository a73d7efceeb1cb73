//! Which cards may be used together.

use crate::HUNDRED;
use scrip_quote::{
    CardId, Cart, Clash, ClashCause, ClassSet, Kind, Offer, Quoter, Refusal, Stacking, StackingClass,
};

fn in_class(card: u64, class: u8, combines: &[u8]) -> Offer<'static> {
    Offer { stacking: Stacking::new(class, combines), ..Offer::new(card, Kind::amount_off(card)) }
}

fn clash(chosen: &[Offer<'_>]) -> Option<Clash> {
    match Quoter::new().quote(&Cart::of(&HUNDRED), chosen) {
        Ok(_) => None,
        Err(Refusal::Clash(clash)) => Some(clash),
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn both_cards_must_combine_with_the_others_class() {
    assert_eq!(clash(&[in_class(1, 1, &[2]), in_class(2, 2, &[1])]), None);
    let one_sided = clash(&[in_class(1, 1, &[2]), in_class(2, 2, &[])]);
    let clash = Clash { first: CardId(1), second: CardId(2), cause: ClashCause::Classes };
    assert_eq!(one_sided, Some(clash));
}

#[test]
fn cards_of_one_class_go_together_only_if_it_combines_with_itself() {
    assert_eq!(clash(&[in_class(1, 1, &[1]), in_class(2, 1, &[1])]), None);
    assert!(clash(&[in_class(1, 1, &[2]), in_class(2, 1, &[2])]).is_some());
}

#[test]
fn an_exclusive_card_is_used_alone() {
    let alone = Offer { stacking: Stacking::exclusive(3), ..Offer::new(1, Kind::amount_off(1)) };
    assert_eq!(clash(&[alone]), None);
    let combines = ClassSet::ALL;
    let stacking = Stacking { class: StackingClass(3), combines, exclusive: true };
    let chosen = [
        Offer { stacking, ..alone },
        Offer { stacking: Stacking { combines, ..stacking }, ..in_class(2, 3, &[]) },
    ];
    let stored = Offer {
        stacking: Stacking { class: StackingClass(4), combines, exclusive: false },
        ..Offer::new(2, Kind::StoredValue { balance: scrip_quote::Amount(5), pays_shipping: true })
    };
    let cause = ClashCause::Exclusive;
    let expected = Some(Clash { first: CardId(1), second: CardId(2), cause });
    assert_eq!(clash(&chosen), expected);
    assert_eq!(clash(&[chosen[0], stored]), expected, "whatever the classes say, and whatever the other is");
}

#[test]
fn a_clash_names_the_same_cards_in_whatever_order_they_come() {
    let mut chosen = [in_class(1, 1, &[2, 3]), in_class(2, 2, &[1]), in_class(3, 3, &[1])];
    let first = clash(&chosen);
    chosen.reverse();
    assert_eq!(clash(&chosen), first);
    assert_eq!(first.map(|clash| (clash.first, clash.second)), Some((CardId(2), CardId(3))));
}
