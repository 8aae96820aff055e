//! Variables that are not attache's own: those of AWS, of HTTP proxies and of OpenTelemetry.

use super::{NOT_UTF_8, Reader, hinted};
use crate::config::aws_variables;
use crate::config::notices::Notice;
use crate::config::problems::{Fault, Origin};
use crate::config::proxy_variables::{self, ProxyVariable};
use crate::config::service_manager;
use crate::model::aws_variables::AwsVariables;
use crate::model::no_proxy::NoProxy;
use crate::model::parent_proxy::ParentProxy;
use crate::model::target::Scheme;
use crate::redact;

impl Reader<'_> {
    /// Reads a variable that is not attache's own. An empty one counts as unset. An invalid one may be meant for another program,
    /// so it is ignored with a notice.
    pub(in crate::config) fn foreign<T>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, Fault>,
    ) -> Option<T> {
        let text = self.foreign_text(name)?;
        parse(&text).map_err(|fault| self.leave_out(name, &text, fault)).ok()
    }

    /// Reads a variable that is not attache's own and whose value is secret.
    pub(in crate::config) fn foreign_secret<T>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, Fault>,
    ) -> Option<T> {
        let text = self.foreign_text(name)?;
        let notice = |fault| Notice::new(name, format!("its value {}", hinted(fault, &text).in_one_line()));
        parse(&text).map_err(|fault| self.notices.push(notice(fault))).ok()
    }

    /// The variables that name HTTP proxies.
    pub(in crate::config) fn proxy_variables(&self) -> Vec<ProxyVariable> {
        proxy_variables::read(&|name| self.environment.get(name))
    }

    /// The variables of AWS.
    pub(in crate::config) fn aws_variables(&self) -> AwsVariables {
        aws_variables::read(&|name| self.environment.get(name))
    }

    /// Records sockets of a service manager that are not passed to this process.
    pub(in crate::config) fn sockets(&mut self) {
        let text = |name| self.environment.get(name).unwrap_or_default().to_string_lossy().into_owned();
        if let Some(reason) = service_manager::unused_sockets(&text("LISTEN_FDS"), &text("LISTEN_PID")) {
            self.notice("LISTEN_FDS", reason);
        }
    }

    /// The upstreams that are reached without an HTTP proxy.
    pub(in crate::config) fn no_proxy(&self) -> NoProxy {
        proxy_variables::no_proxy(&|name| self.environment.get(name))
    }

    /// The HTTP proxy that the environment names for upstreams of this scheme.
    pub(in crate::config) fn parent_proxy(
        &mut self,
        scheme: Scheme,
        no_proxy: NoProxy,
    ) -> Option<ParentProxy> {
        let (variable, url) = proxy_variables::for_upstreams(&|name| self.environment.get(name), scheme)?;
        match ParentProxy::read(variable, &url, no_proxy) {
            Ok(parent_proxy) => Some(parent_proxy),
            Err(error) => {
                let rule = "must be http://host:port or http://user:password@host:port";
                let hint = format!("{error}; or unset it for attache, or name the upstream in NO_PROXY");
                self.problems.add(&Origin::secret(variable), hinted(Fault::new(rule).hint(hint), &url));
                None
            }
        }
    }

    pub(super) fn leave_out(&mut self, variable: &str, text: &str, fault: Fault) {
        let fault = hinted(fault, text).in_one_line();
        self.notice(variable, format!("its value is {}, and {fault}", redact::shown(text)));
    }

    fn foreign_text(&mut self, name: &'static str) -> Option<String> {
        match self.environment.get(name)?.into_string() {
            Ok(text) => Some(text).filter(|text| !text.is_empty()),
            Err(_) => {
                self.notice(name, format!("its value {NOT_UTF_8}"));
                None
            }
        }
    }
}
