//! Facts behind events.

use super::*;

#[test]
fn an_event_reads_the_same_with_facts_behind_it_and_gives_them_back() {
    let lines = [EventLine::new(StockId(1), 1, 0)];
    let event =
        Event::Confirmed { hold: origin().key(), late: false, hidden: false, lines: &lines, sales: &[] };
    assert!(event.takes_facts() && !Event::Released { hold: origin().key() }.takes_facts());
    for bytes in [1, 2, 5, 6, 7, 8, 9, 1_000, FACTS_BYTES_MAX] {
        let facts: Vec<u8> = (0..bytes).map(|at| at as u8 | 1).collect();
        let mut out = vec![0xee; EVENT_BYTES_MAX + FACTS_ROOM_BYTES];
        let alone = event.encode(&mut out);
        assert_eq!(Event::facts(&out), b"");
        let size = Event::append_facts(&mut out, alone, &facts);
        assert!(size.is_multiple_of(8) && size <= alone + FACTS_ROOM_BYTES);
        assert_eq!(Event::decode(&out), Ok((event, size)));
        assert_eq!(Event::facts(&out), facts);
        for cut in 0..size {
            assert!(Event::decode(&out[..cut]).is_err(), "{bytes} bytes of facts cut at {cut}");
            assert_eq!(Event::facts(&out[..cut]), b"");
        }
        // A length that can't be.
        out[size - 2..size].copy_from_slice(&u16::MAX.to_le_bytes());
        assert_eq!(Event::decode(&out), Err(EventError::Short));
    }
}
