//! Notes which events, spans and metrics were told on this thread.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
};

use metrics::LocalRecorderGuard;
use metrics_util::{
    CompositeKey, MetricKind,
    debugging::{DebugValue, DebuggingRecorder, Snapshotter},
};
use session_axum::{TARGET, describe_metrics};
use tracing::{
    Event, Metadata, Subscriber,
    span::{Attributes, Id, Record},
    subscriber::DefaultGuard,
};

/// One thing that was told: an event or a span with its level and fields, or a metric with its label and values.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Told {
    pub(crate) kind: String,
    pub(crate) name: String,
    pub(crate) detail: String,
    pub(crate) members: Vec<String>,
}

#[derive(Default, Clone)]
pub(crate) struct Recorder {
    traced: Traced,
    counted: Arc<Mutex<Option<Snapshotter>>>,
}

/// Listens until it is dropped.
pub(crate) struct Listening(
    #[expect(dead_code, reason = "it listens")] (LocalRecorderGuard<'static>, DefaultGuard),
);

impl Recorder {
    pub(crate) fn listen(&self) -> Listening {
        let recorder = DebuggingRecorder::new();
        *self.counted.lock().expect("not poisoned") = Some(recorder.snapshotter());
        // For the rest of the process, which is short.
        let counting = metrics::set_default_local_recorder(Box::leak(Box::new(recorder)));
        describe_metrics();
        let tracing = tracing::subscriber::set_default(self.traced.clone());
        Listening((counting, tracing))
    }

    pub(crate) fn told(&self) -> BTreeSet<Told> {
        let mut told = self.traced.told.lock().expect("not poisoned").clone();
        let counted = self.counted.lock().expect("not poisoned");
        let snapshot = counted.as_ref().expect("it listened").snapshot();
        let mut values: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (key, unit, described, value) in snapshot.into_vec() {
            assert!(unit.is_some() && described.is_some(), "{key:?}");
            let kind = match (key.kind(), value) {
                (MetricKind::Counter, DebugValue::Counter(times)) if times > 0 => "counter",
                (MetricKind::Histogram, DebugValue::Histogram(times)) => {
                    assert!(times.iter().all(|seconds| (0.0..60.0).contains(&**seconds)));
                    "histogram"
                }
                other => panic!("{key:?} {other:?}"),
            };
            let labels: Vec<_> = key.key().labels().collect();
            assert!(labels.len() <= 1, "{key:?}");
            let label = labels.first().map_or("", |label| label.key());
            let metric = (kind, key.key().name().to_owned(), label.to_owned());
            let values = values.entry(metric).or_default();
            values.extend(labels.iter().map(|label| label.value().to_owned()));
        }
        for ((kind, name, detail), mut members) in values {
            members.sort_unstable();
            told.insert(Told {
                kind: kind.to_owned(),
                name,
                detail,
                members,
            });
        }
        told
    }
}

impl Recorder {
    /// How often each counter counted, by its name and its label's value.
    pub(crate) fn counts(&self) -> BTreeMap<(String, String), u64> {
        let counted = self.counted.lock().expect("not poisoned");
        let snapshot = counted.as_ref().expect("it listened").snapshot();
        let counters = snapshot.into_vec().into_iter();
        let count = |(key, _, _, value): (CompositeKey, _, _, _)| {
            let DebugValue::Counter(times) = value else {
                return None;
            };
            let label = key.key().labels().next();
            let label = label.map_or("", |label| label.value()).to_owned();
            Some(((key.key().name().to_owned(), label), times))
        };
        counters.filter_map(count).collect()
    }
}

#[derive(Default, Clone)]
struct Traced {
    told: Arc<Mutex<BTreeSet<Told>>>,
}

impl Traced {
    fn note(&self, metadata: &Metadata<'_>) {
        if metadata.target() != TARGET {
            let ours = metadata.module_path().unwrap_or_default();
            assert!(!ours.starts_with("session_"), "{metadata:?}");
            return;
        }
        let fields = metadata
            .fields()
            .iter()
            .map(|field| field.name().to_owned());
        let mut members: Vec<_> = fields.filter(|field| field != "message").collect();
        members.sort_unstable();
        self.told.lock().expect("not poisoned").insert(Told {
            kind: if metadata.is_span() { "span" } else { "event" }.to_owned(),
            name: metadata.name().to_owned(),
            detail: metadata.level().to_string(),
            members,
        });
    }
}

impl Subscriber for Traced {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        self.note(span.metadata());
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        self.note(event.metadata());
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}
