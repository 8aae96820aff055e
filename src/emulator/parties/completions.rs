//! What the APIs of language models answer: one short text, whole or as server-sent events, in the form that their SDKs read.

use super::error_body::json_answer;
use axum::body::{Body, Bytes};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, Response};
use http_body::Frame;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

/// The words of every answer.
const WORDS: [&str; 4] = ["The", " emulator", " says", " hello."];

/// A message of Anthropic's Messages API.
pub(super) fn anthropic_message(request: &[u8]) -> Response<Body> {
    let request = Request::read(request);
    let message = |content: Value, stop: Value| {
        json!({
            "id": "msg_emulator", "type": "message", "role": "assistant", "model": request.model, "content": content,
            "stop_reason": stop, "stop_sequence": null, "usage": { "input_tokens": 1, "output_tokens": 4 },
        })
    };
    if !request.streams {
        return json_answer(&message(json!([{ "type": "text", "text": WORDS.concat() }]), json!("end_turn")));
    }
    let mut events = vec![
        json!({ "type": "message_start", "message": message(json!([]), Value::Null) }),
        json!({ "type": "content_block_start", "index": 0, "content_block": { "type": "text", "text": "" } }),
    ];
    events.extend(WORDS.map(|word| {
        json!({ "type": "content_block_delta", "index": 0, "delta": { "type": "text_delta", "text": word } })
    }));
    events.push(json!({ "type": "content_block_stop", "index": 0 }));
    events.push(json!({
        "type": "message_delta", "delta": { "stop_reason": "end_turn", "stop_sequence": null },
        "usage": { "output_tokens": 4 },
    }));
    events.push(json!({ "type": "message_stop" }));
    typed_events(&events)
}

/// A response of OpenAI's Responses API.
pub(super) fn openai_response(request: &[u8]) -> Response<Body> {
    let request = Request::read(request);
    let output = |text: &str| {
        json!({
            "id": "msg_emulator", "type": "message", "role": "assistant", "status": "completed",
            "content": [{ "type": "output_text", "text": text, "annotations": [] }],
        })
    };
    let response = |status: &str, output: Value| {
        json!({
            "id": "resp_emulator", "object": "response", "created_at": 0, "model": request.model, "status": status,
            "output": output, "parallel_tool_calls": true, "tool_choice": "auto", "tools": [],
            "usage": {
                "input_tokens": 1, "input_tokens_details": { "cached_tokens": 0 }, "output_tokens": 4,
                "output_tokens_details": { "reasoning_tokens": 0 }, "total_tokens": 5,
            },
        })
    };
    let done = response("completed", json!([output(&WORDS.concat())]));
    if !request.streams {
        return json_answer(&done);
    }
    let mut events =
        vec![json!({ "type": "response.created", "response": response("in_progress", json!([])) })];
    events.push(json!({ "type": "response.output_item.added", "output_index": 0, "item": output("") }));
    events.extend(WORDS.map(|word| {
        json!({
            "type": "response.output_text.delta", "item_id": "msg_emulator", "output_index": 0, "content_index": 0,
            "delta": word, "logprobs": [],
        })
    }));
    events.push(json!({ "type": "response.completed", "response": done }));
    for (number, event) in events.iter_mut().enumerate() {
        event["sequence_number"] = json!(number);
    }
    typed_events(&events)
}

/// A completion of OpenAI's Chat Completions API.
pub(super) fn openai_chat(request: &[u8]) -> Response<Body> {
    let request = Request::read(request);
    let completion = |object: &str, choice: Value| {
        json!({
            "id": "chatcmpl-emulator", "object": object, "created": 0, "model": request.model, "choices": [choice],
            "system_fingerprint": null,
        })
    };
    if !request.streams {
        let message = json!({ "role": "assistant", "content": WORDS.concat(), "refusal": null });
        let choice = json!({ "index": 0, "message": message, "finish_reason": "stop", "logprobs": null });
        let mut whole = completion("chat.completion", choice);
        whole["usage"] = json!({ "prompt_tokens": 1, "completion_tokens": 4, "total_tokens": 5 });
        return json_answer(&whole);
    }
    let chunk = |delta: Value, finish: Value| {
        let choice = json!({ "index": 0, "delta": delta, "finish_reason": finish, "logprobs": null });
        format!("data: {}\n\n", completion("chat.completion.chunk", choice))
    };
    let words = WORDS.map(|word| chunk(json!({ "role": "assistant", "content": word }), Value::Null));
    let end = [chunk(json!({}), json!("stop")), "data: [DONE]\n\n".to_owned()];
    event_stream(words.into_iter().chain(end).collect())
}

/// The parts of a request that the answer depends on.
struct Request {
    model: String,
    streams: bool,
}

impl Request {
    fn read(body: &[u8]) -> Self {
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        Self {
            model: body["model"].as_str().unwrap_or("emulator").to_owned(),
            streams: body["stream"].as_bool().unwrap_or_default(),
        }
    }
}

/// Events that carry the name of their type.
fn typed_events(events: &[Value]) -> Response<Body> {
    let written = events.iter().map(|event| {
        let name = event["type"].as_str().unwrap_or_default();
        format!("event: {name}\ndata: {event}\n\n")
    });
    event_stream(written.collect())
}

fn event_stream(events: VecDeque<String>) -> Response<Body> {
    let mut response = Response::new(Body::new(Events(events)));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert("cache-control", HeaderValue::from_static("no-store"));
    response
}

/// A body that sends each event in a frame of its own.
struct Events(VecDeque<String>);

impl http_body::Body for Events {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.pop_front().map(|event| Ok(Frame::data(Bytes::from(event)))))
    }
}
