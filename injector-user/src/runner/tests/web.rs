//! Real calls to a server on loopback.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use injector_core::experiment::{Http, Timeout};
use serde_json::{Value, json};

use crate::runner::call::call_http;

/// Serves until the test ends: answers each request with what `answer` makes of its text.
fn serve(answer: fn(&str) -> String) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (mut stream, request) = request(stream);
            let answer = answer(&request);
            if answer.is_empty() {
                // Holds the connection open and says nothing.
                std::thread::spawn(move || stream.read(&mut [0]));
            } else {
                drop(stream.write_all(answer.as_bytes()));
            }
        }
    });
    address
}

/// Reads the head and as much of the body as it announces.
fn request(mut stream: TcpStream) -> (TcpStream, String) {
    let mut bytes = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let announced = head.lines().find_map(|line| {
                line.to_lowercase()
                    .strip_prefix("content-length: ")?
                    .parse()
                    .ok()
            });
            if body.len() >= announced.unwrap_or(0usize) {
                return (stream, text);
            }
        }
        match stream.read(&mut chunk) {
            Ok(0) | Err(_) => return (stream, text),
            Ok(length) => bytes.extend_from_slice(&chunk[..length]),
        }
    }
}

fn ok(kind: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
}

fn get(url: String) -> Http {
    Http {
        url,
        method: "GET".to_owned(),
        headers: [("X-Who".to_owned(), "me".to_owned())].into(),
        arguments: None,
        timeout: Timeout {
            connect: Some(Duration::from_secs(5)),
            read: Some(Duration::from_secs(5)),
        },
        verify_tls: true,
        max_retries: 0,
    }
}

/// The request as the server got it: its first line, the type of its body and the body.
async fn seen(http: Http) -> String {
    let answer = call_http(http).await.unwrap();
    let text = answer["body"].as_str().unwrap().to_owned();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let kind = head.lines().find_map(|line| {
        line.to_lowercase()
            .strip_prefix("content-type: ")
            .map(str::to_owned)
    });
    [
        head.lines().next().unwrap().to_owned(),
        kind.unwrap_or_default(),
        body.to_owned(),
    ]
    .join("; ")
}

#[tokio::test]
async fn an_answer_has_status_headers_and_body() {
    let address = serve(|_| ok("application/json", r#"{"ready": true}"#));
    let answer = call_http(get(format!("http://{address}/"))).await.unwrap();
    assert_eq!(
        (&answer["status"], &answer["body"]),
        (&json!(200), &json!({ "ready": true }))
    );
    assert_eq!(answer["headers"]["Content-Type"], json!("application/json"));
    let address = serve(|_| ok("text/plain", r#"{"ready": true}"#));
    assert_eq!(
        call_http(get(format!("http://{address}/"))).await.unwrap()["body"],
        json!(r#"{"ready": true}"#)
    );
}

#[tokio::test]
async fn a_server_error_is_an_answer() {
    let address =
        serve(|_| "HTTP/1.1 503 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".to_owned());
    assert_eq!(
        call_http(get(format!("http://{address}/"))).await.unwrap()["status"],
        json!(503)
    );
}

#[tokio::test]
async fn arguments_are_the_query_of_a_get_and_the_body_of_others() {
    let address = serve(|request| ok("text/plain", request));
    let with = |method: &str, arguments: Value, kind: Option<&str>| {
        let mut http = get(format!("http://{address}/x?a=1#f"));
        http.method = method.to_owned();
        http.arguments = Some(arguments);
        http.headers
            .extend(kind.map(|kind| ("Content-Type".to_owned(), kind.to_owned())));
        seen(http)
    };
    let arguments = json!({ "b": "c d", "l": [1, 2], "n": null, "t": true });
    assert_eq!(
        with("GET", arguments.clone(), None).await,
        "GET /x?a=1&b=c+d&l=1&l=2&t=True HTTP/1.1; ; "
    );
    let form = "POST /x?a=1 HTTP/1.1; application/x-www-form-urlencoded; b=c+d&l=1&l=2&t=True";
    assert_eq!(with("POST", arguments.clone(), None).await, form);
    let sent =
        "PUT /x?a=1 HTTP/1.1; application/json; {\"b\":\"c d\",\"l\":[1,2],\"n\":null,\"t\":true}";
    assert_eq!(with("PUT", arguments, Some("application/json")).await, sent);
    assert_eq!(
        with("DELETE", json!("raw"), Some("x/y")).await,
        "DELETE /x?a=1 HTTP/1.1; x/y; raw"
    );
}

#[tokio::test]
async fn redirects_are_followed() {
    let address = serve(|request| {
        if request.starts_with("GET /old") {
            "HTTP/1.1 302 Found\r\nLocation: /new\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
                .to_owned()
        } else {
            ok("text/plain", request.lines().next().unwrap())
        }
    });
    let answer = call_http(get(format!("http://{address}/old")))
        .await
        .unwrap();
    assert_eq!(answer["body"], json!("GET /new HTTP/1.1"));
}

#[tokio::test]
async fn nobody_there_and_nobody_answering_are_no_answers() {
    let closed = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let error = call_http(get(format!("http://{closed}/")))
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("failed to call GET http://{closed}/")
    );
    let silent = serve(|_| String::new());
    let mut http = get(format!("http://{silent}/"));
    http.timeout.read = Some(Duration::from_millis(200));
    let error = call_http(http).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("failed to call GET http://{silent}/")
    );
}
