//! Facts: what a gateway sends along with a sale, redemption, return or reversal for reports. The engine logs them unread; what they
//! say is fixed here, for `--facts` and `scrip report`. Their form is in docs/report.md.

use serde::Deserialize;
use std::collections::BTreeMap;

/// What facts can say; amounts in minor units.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct Facts {
    /// The price before all discounts.
    pub gross: u64,
    /// What the buyer has paid.
    pub paid: u64,
    /// What it cost the merchant.
    pub cost: u64,
    /// ISO 4217.
    pub currency: String,
    /// The marketplace's own order number.
    pub order: String,
    /// The store.
    pub store: String,
    /// The variant of the product.
    pub variant: String,
    /// Who bears how much of the discount.
    pub funders: BTreeMap<String, u64>,
}

const FIELDS: [&str; 8] = ["gross", "paid", "cost", "currency", "order", "store", "variant", "funders"];

impl Facts {
    /// Reads facts out of a log; `None`: they are of another form.
    pub fn read(bytes: &[u8]) -> Option<Facts> {
        serde_json::from_slice(bytes).ok()
    }

    /// Why a text is not facts as somebody would want to send them.
    pub fn fault(text: &str) -> Option<String> {
        let object: serde_json::Map<String, serde_json::Value> = match serde_json::from_str(text) {
            Ok(object) => object,
            Err(error) => return Some(format!("they are no JSON object: {error}")),
        };
        if let Some(unknown) = object.keys().find(|key| !FIELDS.contains(&key.as_str())) {
            return Some(format!("{unknown:?} is none of {}", FIELDS.join(", ")));
        }
        if text.len() > scrip_engine::limits::FACTS_BYTES_MAX {
            return Some(format!("at most {} bytes", scrip_engine::limits::FACTS_BYTES_MAX));
        }
        serde_json::from_str::<Facts>(text).err().map(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_are_read_leniently_and_sent_strictly() {
        let text = r#"{"gross": 8000, "paid": 7000, "currency": "CNY", "store": "s1", "funders": {"platform": 600}}"#;
        assert_eq!(Facts::fault(text), None);
        let facts = Facts::read(text.as_bytes()).expect("facts");
        assert_eq!((facts.gross, facts.cost, facts.funders["platform"]), (8_000, 0, 600));
        assert!(Facts::fault(r#"{"price": 1}"#).is_some_and(|why| why.contains("gross, paid")));
        assert!(Facts::fault("8000").is_some() && Facts::fault(r#"{"gross": -1}"#).is_some());
        assert!(Facts::fault(&format!(r#"{{"order": "{}"}}"#, "x".repeat(1_024))).is_some());
        assert_eq!(Facts::read(br#"{"price": 1}"#), Some(Facts::default()));
        assert_eq!(Facts::read(b"\xff"), None);
    }
}
