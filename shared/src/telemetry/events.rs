use tracing::{Level, error};

/// Starts logging: one JSON object a line, a sentence and dotted fields, INFO and above.
///
/// The level is no setting. Below INFO the Lambda runtime logs whole events, with their tokens, and the
/// database driver logs parameters.
pub fn start_logging() {
    let subscriber = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_max_level(Level::INFO)
        .with_current_span(true)
        .with_span_list(false)
        .with_target(false);
    // Fails only where logging has started already.
    drop(subscriber.try_init());
    std::panic::set_hook(Box::new(|panic| {
        // Where, but not what: a panic's message may quote data.
        let location = panic.location().map(ToString::to_string);
        error!(
            panic.location = location,
            "A programmer's error stopped an invocation."
        );
    }));
}
