use super::*;
use crate::config::listener::TlsFiles;
use crate::tasks::{Owned, Tasks};
use crate::tls::server::{CallerFiles, InboundTls};
use rcgen::{CertificateParams, KeyPair};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use tokio::task::yield_now;
use tokio::time::timeout;

/// A directory in which Kubernetes would mount a secret: the files are links through one link, which is replaced atomically.
struct Mount(PathBuf);

impl Mount {
    fn new(test: &str) -> Self {
        let mount = Self(std::env::temp_dir().join(format!("attache-{test}-{}", std::process::id())));
        fs::create_dir_all(&mount.0).unwrap();
        for file in ["tls.crt", "tls.key"] {
            symlink(Path::new("..data").join(file), mount.0.join(file)).unwrap();
        }
        mount
    }

    fn publish(&self, version: &str) {
        let folder = self.0.join(version);
        fs::create_dir(&folder).unwrap();
        let key = KeyPair::generate().unwrap();
        let certificate =
            CertificateParams::new(["localhost".to_owned()]).unwrap().self_signed(&key).unwrap();
        fs::write(folder.join("tls.crt"), certificate.pem()).unwrap();
        fs::write(folder.join("tls.key"), key.serialize_pem()).unwrap();
        symlink(version, self.0.join("..new")).unwrap();
        fs::rename(self.0.join("..new"), self.0.join("..data")).unwrap();
    }

    fn files(&self) -> CallerFiles {
        let (cert, key) = (self.0.join("tls.crt"), self.0.join("tls.key"));
        CallerFiles(TlsFiles { cert, key, client_ca: None })
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[tokio::test]
async fn a_link_that_leads_elsewhere_is_noticed_unasked() {
    let mount = Mount::new("mount");
    mount.publish("one");
    let tls = Arc::new(InboundTls::new(mount.files()).unwrap());
    let first = tls.config();
    let following = tls.clone().follow(Duration::from_millis(1), Reload::default());
    let _following: Owned = Tasks::default().spawn(following).into();
    mount.publish("two");
    let replaced = async {
        while Arc::ptr_eq(&tls.config(), &first) {
            yield_now().await;
        }
    };
    timeout(Duration::from_secs(10), replaced).await.unwrap();
}

#[test]
fn the_same_contents_at_another_place_change_nothing() {
    let (one, two) = (Mount::new("same-one"), Mount::new("same-two"));
    one.publish("one");
    let tls = InboundTls::new(one.files()).unwrap();
    for file in ["tls.crt", "tls.key"] {
        fs::remove_file(two.0.join(file)).unwrap();
        fs::copy(one.0.join(file), two.0.join(file)).unwrap();
    }
    let first = tls.config();
    let moved = InboundTls { source: two.files(), current: tls.current, expiry: tls.expiry };
    assert!(matches!(moved.reload_if_changed(), Ok(Found::Same)));
    assert!(Arc::ptr_eq(&moved.config(), &first));
}
