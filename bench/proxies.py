"""The proxies that are compared, set up to do the same: a 900-byte token, Host, X-Forwarded-For; and their upstream."""

import os
import subprocess
from dataclasses import dataclass

from programs import Program, free_port

# As long as the emulator's.
TOKEN = "Bearer " + "e" * 920
# More than any case opens, so that nobody reconnects for want of room.
KEPT = 4096


@dataclass(frozen=True)
class Setting:
    """What a case asks of a proxy."""

    tls_in: bool = False
    tls_upstream: bool = False
    http2_in: bool = False
    hosts: int = 0
    workers: int = 1


@dataclass
class Running:
    """A proxy that serves."""

    program: Program
    url: str


def certificates(stage):
    """A certificate authority, and a certificate for localhost that it has signed."""
    key = [
        "req",
        "-x509",
        "-nodes",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-days",
        "2",
    ]
    at = stage.directory
    authority = ["-subj", "/CN=bench", "-keyout", at / "ca.key", "-out", at / "ca.pem"]
    signed = ["-CA", at / "ca.pem", "-CAkey", at / "ca.key", "-addext", "basicConstraints=critical,CA:FALSE"]
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    for arguments in (authority, [*signed, *names, "-keyout", at / "key.pem", "-out", at / "cert.pem"]):
        subprocess.run(["openssl", *key, *arguments], check=True, capture_output=True)
    stage.write("both.pem", (at / "cert.pem").read_text() + (at / "key.pem").read_text())


def upstream(stage, cores, body):
    """nginx with a fixed body, which refuses a request that a proxy has not made right. Its two ports: plain and TLS."""
    plain, tls = free_port(), free_port()
    stage.write("body", "x" * body)
    server = f"""
        map "$http_authorization|$http_x_upstream_host|$http_x_forwarded_for|$host" $right {{
            default 0;
            "~^Bearer [-\\w.]{{880,960}}[|][|]127[.]0[.]0[.]1[|](localhost|127[.].*)$" 1;
        }}
        server {{
            listen 0.0.0.0:{plain} backlog=4096;
            listen 127.0.0.1:{tls} ssl backlog=4096;
            ssl_certificate {stage.directory}/cert.pem;
            ssl_certificate_key {stage.directory}/key.pem;
            if ($right = 0) {{ return 400; }}
            location / {{ root {stage.directory}; try_files /body =404; open_file_cache max=10; default_type text/plain; }}
        }}"""
    nginx(stage, cores, "upstream", server).listens(plain)
    return plain, tls


def nginx(stage, cores, name, server, workers=1):
    text = f"""
        daemon off;
        worker_processes {workers};
        pid {stage.directory}/{name}.pid;
        error_log {stage.directory}/{name}.log crit;
        events {{ worker_connections 16384; }}
        http {{
            access_log off;
            keepalive_requests 1000000000;
            keepalive_timeout 600s;
            map_hash_bucket_size 128;
            map_hash_max_size 8192;
            {server}
        }}"""
    if os.geteuid() == 0:
        text = "user root;" + text
    return stage.start(["nginx", "-p", stage.directory, "-c", stage.write(f"{name}.conf", text)], cores)


def addresses(hosts, port):
    """The upstreams of header mode: one machine under many addresses, as report.lua names them."""
    return [f"127.0.{1 + host // 250}.{1 + host % 250}:{port}" for host in range(1, hosts + 1)]


def start_nginx(stage, cores, setting, ports, _):
    port = free_port()
    plain, tls = ports
    groups = addresses(setting.hosts, plain) or [f"127.0.0.1:{tls if setting.tls_upstream else plain}"]
    blocks = "".join(
        f"upstream u{n} {{ server {address}; keepalive {KEPT // len(groups) + 1}; keepalive_requests 1000000000; }}\n"
        for n, address in enumerate(groups)
    )
    lines = "".join(f'"{address}" u{n};\n' for n, address in enumerate(groups))
    chosen = f"map $http_x_upstream_host $group {{ default u0;\n{lines} }}" if setting.hosts else ""
    name = "$group" if setting.hosts else "u0"
    host = "$http_x_upstream_host" if setting.hosts else f"localhost:{tls if setting.tls_upstream else plain}"
    trusted = f"proxy_ssl_verify on; proxy_ssl_name localhost; proxy_ssl_trusted_certificate {stage.directory}/ca.pem;"
    kinds = f"{' ssl' if setting.tls_in else ''}{' http2' if setting.http2_in else ''}"
    server = f"""
        {blocks}{chosen}
        server {{
            listen 127.0.0.1:{port}{kinds} backlog=4096;
            ssl_certificate {stage.directory}/cert.pem;
            ssl_certificate_key {stage.directory}/key.pem;
            location / {{
                proxy_pass {'https' if setting.tls_upstream else 'http'}://{name};
                proxy_http_version 1.1;
                proxy_set_header Connection "";
                proxy_set_header Host {host};
                proxy_set_header X-Upstream-Host "";
                proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
                proxy_set_header Authorization "{TOKEN}";
                {trusted if setting.tls_upstream else ''}
            }}
        }}"""
    program = nginx(stage, cores, f"nginx{port}", server, setting.workers)
    program.listens(port)
    return Running(program, url(setting, port))


def start_haproxy(stage, cores, setting, ports, _):
    port = free_port()
    plain, tls = ports
    certificate = f" ssl crt {stage.directory}/both.pem" if setting.tls_in else ""
    protocol = " proto h2" if setting.http2_in else ""
    trusted = (
        f" ssl verify required ca-file {stage.directory}/ca.pem sni str(localhost)"
        if setting.tls_upstream
        else ""
    )
    groups = addresses(setting.hosts, plain) or [f"127.0.0.1:{tls if setting.tls_upstream else plain}"]
    host = "%[var(txn.upstream)]" if setting.hosts else f"localhost:{tls if setting.tls_upstream else plain}"
    backends = "".join(f"backend u{n}\n  server s {address}{trusted}\n" for n, address in enumerate(groups))
    table = stage.write(
        f"haproxy{port}.map", "".join(f"{address} u{n}\n" for n, address in enumerate(groups))
    )
    chosen = f"use_backend %[var(txn.upstream),map({table})]" if setting.hosts else "default_backend u0"
    text = f"""
global
  nbthread {setting.workers}
  maxconn 9000
defaults
  mode http
  timeout connect 10s
  timeout client 600s
  timeout server 600s
  http-reuse always
frontend callers
  bind 127.0.0.1:{port}{certificate}{protocol}
  option forwardfor
  http-request set-var(txn.upstream) req.hdr(x-upstream-host)
  {chosen}
  http-request set-header Authorization "{TOKEN}"
  http-request set-header Host {host}
  http-request del-header X-Upstream-Host
{backends}"""
    program = stage.start(["haproxy", "-f", stage.write(f"haproxy{port}.conf", text)], cores)
    program.listens(port)
    return Running(program, url(setting, port))


def start_attache(stage, cores, setting, ports, attache):
    plain, tls = ports
    flags = [
        "--listen-addr",
        "127.0.0.1:0",
        "--metrics-listen-addr",
        "127.0.0.1:0",
        "--worker-threads",
        setting.workers,
    ]
    if setting.tls_in:
        flags += ["--tls-cert", stage.directory / "cert.pem", "--tls-key", stage.directory / "key.pem"]
    if setting.hosts:
        flags += ["--upstream-scheme", "http", "--allow-address", "127.0.0.0/8"]
    elif setting.tls_upstream:
        flags += ["--upstream-host", f"localhost:{tls}", "--upstream-ca-cert", stage.directory / "ca.pem"]
    else:
        flags += ["--upstream-scheme", "http", "--upstream-host", f"localhost:{plain}"]
    binary, environment = attache
    program = stage.start([binary, *flags], cores, environment)
    port = program.said(r'"listen_addr":"[^"]*:(\d+)"')
    return Running(program, url(setting, port))


def url(setting, port):
    return f"{'https' if setting.tls_in else 'http'}://localhost:{port}/v1/models?limit=20"


PROXIES = {"attache": start_attache, "nginx": start_nginx, "HAProxy": start_haproxy}
