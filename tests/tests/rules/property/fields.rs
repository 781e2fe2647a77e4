//! A merge of fields is what it is in a map.

use std::collections::BTreeMap;

use proptest::{collection::btree_map, prelude::*};
use session_axum::{FieldChange, FieldRef, Fields};

use super::cases;

type Model = BTreeMap<String, (String, bool)>;

/// Names and texts that look like the separators between them, of any length and of any script.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-c]",
        "[0-9:!]{1,12}",
        "\\PC{1,20}",
        Just("x".repeat(1_234))
    ]
}

/// Each name once; `None` removes it.
fn changes() -> impl Strategy<Value = BTreeMap<String, Option<(String, bool)>>> {
    btree_map(text(), prop::option::of((text(), any::<bool>())), 0..8)
}

fn patch(changes: &BTreeMap<String, Option<(String, bool)>>) -> Vec<FieldChange> {
    let changes = changes.iter().map(|(name, value)| match value {
        Some((json, keep)) => FieldChange::set(name.clone(), json.as_str()).keeping(*keep),
        None => FieldChange::removed(name.clone()),
    });
    changes.collect()
}

fn as_model(fields: &Fields) -> Model {
    let fields = fields.iter();
    let fields = fields.map(|field| (field.name.to_owned(), (field.json.to_owned(), field.keep)));
    fields.collect()
}

proptest! {
    #![proptest_config(cases(256))]

    #[test]
    fn fields_merge_as_a_map_does(steps in prop::collection::vec(changes(), 1..6)) {
        let (mut fields, mut model) = (Fields::default(), Model::new());
        for step in steps {
            fields = fields.merge(&patch(&step));
            for (name, value) in step {
                match value {
                    Some(value) => drop(model.insert(name, value)),
                    None => drop(model.remove(&name)),
                }
            }
            prop_assert_eq!(&as_model(&fields), &model);
            prop_assert!(fields.iter().map(|field| field.name).eq(model.keys()), "in order");
            prop_assert_eq!(fields.len(), model.len());
            prop_assert_eq!(fields.is_empty(), model.is_empty());
            let size = model.iter().map(|(name, (json, _))| name.len() + json.len());
            prop_assert_eq!(fields.size(), size.sum::<usize>());
            for (name, (json, keep)) in &model {
                let found = FieldRef { name, json, keep: *keep };
                prop_assert_eq!(fields.find(name), Some(found));
            }
            model.iter().filter(|(_, (_, keep))| !keep).for_each(|(name, _)| {
                assert_eq!(fields.kept().get(name), None);
            });
            let kept = model.values().filter(|(_, keep)| *keep).count();
            prop_assert_eq!(fields.kept().len(), kept);
        }
    }
}
