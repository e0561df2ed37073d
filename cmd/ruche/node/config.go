package node

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/mail"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"

	"github.com/pelletier/go-toml/v2"

	"ruche/federation"
)

// Config is how a node is set up: from a TOML file, from variables, or both (variables win). It is
// passed by value. What admins change while the node runs (peers, people) is in the database.
type Config struct {
	Domain                    string         // what stands after the @, host[:port]
	PublicURL                 string         // start of all ids, https://host, no slash at the end
	Name                      string         // the entity's name, as people read it
	Locale                    string         // language of the pages for those whose browser asks for none: en or fr
	Listen                    string         // main listener
	FederationListen          string         // second listener with the federation routes only; empty: none
	MetricsListen             string         // listener for /metrics; empty: none
	DataDir                   string         // database (SQLite), media, lock
	DatabaseURL               string         // sqlite:PATH or postgres://…
	TLSCert, TLSKey           string         // PEM files; empty: plain HTTP behind a proxy
	FederationCAFile          string         // extra certificate authorities for peers
	FederationPrivateNetworks []netip.Prefix // private networks that peers may live in
	OutboundProxy, NoProxy    string
	TrustedProxies            []netip.Prefix // who may say X-Forwarded-For
	SMTPURL, MailFrom         string
	PublicPages               bool // public posts of the network are readable without signing in
	RateLimits                bool
	ApproveFollows            bool // new accounts approve each follower
	LogLevel                  slog.Level
}

// A key is one setting: its place in the file, its documentation and how it is read.
type key struct {
	path    string // in TOML; RUCHE_ + upper case with _ is the variable
	doc     string
	initial string // as it would be written; empty: none
	allowed string
	set     func(c *Config, value string) error
	get     func(c *Config) string
}

func (k key) variable() string {
	return "RUCHE_" + strings.ToUpper(strings.ReplaceAll(k.path, ".", "_"))
}

func text(field func(*Config) *string) (func(*Config, string) error, func(*Config) string) {
	return func(c *Config, v string) error { *field(c) = v; return nil }, func(c *Config) string { return *field(c) }
}

func textKey(path, doc, initial, allowed string, field func(*Config) *string) key {
	set, get := text(field)
	return key{path, doc, initial, allowed, set, get}
}

func boolKey(path, doc, initial string, field func(*Config) *bool) key {
	return key{path, doc, initial, "true, false, on, off", func(c *Config, v string) error {
		switch strings.ToLower(v) {
		case "true", "on", "1", "yes":
			*field(c) = true
		case "false", "off", "0", "no":
			*field(c) = false
		default:
			return errors.New("is neither on nor off")
		}
		return nil
	}, func(c *Config) string { return fmt.Sprint(*field(c)) }}
}

func networksKey(path, doc, initial string, field func(*Config) *[]netip.Prefix) key {
	return key{path, doc, initial, "networks such as 10.0.0.0/8, separated by commas", func(c *Config, v string) error {
		*field(c) = nil
		for part := range strings.SplitSeq(v, ",") {
			if part = strings.TrimSpace(part); part == "" {
				continue
			}
			p, err := netip.ParsePrefix(part)
			if err != nil {
				addr, addrErr := netip.ParseAddr(part)
				if addrErr != nil {
					return fmt.Errorf("%q is no network", part)
				}
				p = netip.PrefixFrom(addr, addr.BitLen())
			}
			*field(c) = append(*field(c), p.Masked())
		}
		return nil
	}, func(c *Config) string {
		var parts []string
		for _, p := range *field(c) {
			parts = append(parts, p.String())
		}
		return strings.Join(parts, ",")
	}}
}

func listenKey(path, doc, initial string, field func(*Config) *string) key {
	k := textKey(path, doc, initial, "host:port, such as 127.0.0.1:8080 or :8080", field)
	k.set = func(c *Config, v string) error {
		if v != "" {
			if _, _, err := net.SplitHostPort(v); err != nil {
				return errors.New("is no address to listen on")
			}
		}
		*field(c) = v
		return nil
	}
	return k
}

func schemeKey(path, doc string, schemes []string, field func(*Config) *string) key {
	k := textKey(path, doc, "", "a URL that begins with "+strings.Join(schemes, " or "), field)
	k.set = func(c *Config, v string) error {
		for _, s := range schemes {
			if strings.HasPrefix(v, s) {
				*field(c) = v
				return nil
			}
		}
		if v == "" {
			*field(c) = ""
			return nil
		}
		return errors.New("begins otherwise")
	}
	return k
}

// keys lists every setting, in the order of the documentation.
func keys() []key {
	return []key{
		textKey("domain", "What stands after the @ of this node's accounts, such as `siege.example`; with a port only where that isn't the default. It can't change once accounts exist.", "", "a host name", func(c *Config) *string { return &c.Domain }),
		textKey("public_url", "Where the node is reached, and the start of every id: `https://` and a host. It can differ from the domain (see split domains) and can't change once accounts exist.", "https://DOMAIN", "https://host, or http:// for *.localhost", func(c *Config) *string { return &c.PublicURL }),
		textKey("name", "The entity's name, as people read it.", "DOMAIN", "any text", func(c *Config) *string { return &c.Name }),
		{"locale", "Language of the pages for browsers that ask for neither French nor English.", "en", "en, fr", func(c *Config, v string) error {
			if v != "en" && v != "fr" {
				return errors.New("is no language of the pages")
			}
			c.Locale = v
			return nil
		}, func(c *Config) string { return c.Locale }},
		listenKey("listen", "Where the node listens.", "127.0.0.1:8080", func(c *Config) *string { return &c.Listen }),
		textKey("data_dir", "Directory of the SQLite database, the media and the lock.", "./data", "a directory", func(c *Config) *string { return &c.DataDir }),
		schemeKey("database_url", "The database: `sqlite:PATH`, or `postgres://user:password@host/name`. Without it, SQLite in the data directory.", []string{"sqlite:", "postgres://", "postgresql://"}, func(c *Config) *string { return &c.DatabaseURL }),
		textKey("tls.cert", "PEM certificate chain, for a node that is reached without a proxy before it.", "", "a file", func(c *Config) *string { return &c.TLSCert }),
		textKey("tls.key", "PEM key of the certificate.", "", "a file", func(c *Config) *string { return &c.TLSKey }),
		listenKey("federation.listen", "Second listener that answers other nodes only: it can stand in a DMZ while the main one stays inside.", "", func(c *Config) *string { return &c.FederationListen }),
		textKey("federation.ca_file", "PEM file of certificate authorities trusted for peers beside the system's, for an internal PKI.", "", "a file", func(c *Config) *string { return &c.FederationCAFile }),
		networksKey("federation.private_networks", "Private networks that peers may live in. Every other private or special address is refused when it is dialled.", "", func(c *Config) *[]netip.Prefix { return &c.FederationPrivateNetworks }),
		schemeKey("outbound_proxy", "HTTP proxy for what the node asks of peers. Only allow-listed names on port 443 are asked of it, never addresses.", []string{"http://", "https://"}, func(c *Config) *string { return &c.OutboundProxy }),
		textKey("no_proxy", "Hosts that are reached without the proxy, separated by commas.", "", "host names", func(c *Config) *string { return &c.NoProxy }),
		networksKey("trusted_proxies", "Proxies whose `X-Forwarded-For` is believed.", "127.0.0.0/8,::1/128", func(c *Config) *[]netip.Prefix { return &c.TrustedProxies }),
		schemeKey("smtp.url", "Mail server, `smtp://user:password@host:587`. Without it nothing is mailed: `ruche account reset-link` prints what somebody needs who has forgotten their password. A password is sent over TLS only.", []string{"smtp://", "smtps://"}, func(c *Config) *string { return &c.SMTPURL }),
		textKey("mail.from", "Sender of the node's mails; needed beside `smtp.url`.", "", "an e-mail address", func(c *Config) *string { return &c.MailFrom }),
		boolKey("public_pages", "Whether posts that are public in the whole network can be read without signing in.", "off", func(c *Config) *bool { return &c.PublicPages }),
		boolKey("rate_limits", "Whether requests are limited per account and address. Only tests switch it off.", "on", func(c *Config) *bool { return &c.RateLimits }),
		boolKey("accounts.approve_follows", "Whether new accounts approve each follower; their owners can change it.", "off", func(c *Config) *bool { return &c.ApproveFollows }),
		{"log_level", "How much is logged.", "info", "debug, info, warn, error", func(c *Config, v string) error {
			if !slices.Contains([]string{"debug", "info", "warn", "error"}, v) {
				return errors.New("is no level")
			}
			return c.LogLevel.UnmarshalText([]byte(v))
		}, func(c *Config) string { return strings.ToLower(c.LogLevel.String()) }},
		listenKey("metrics_listen", "Listener for `/metrics`, in Prometheus' format.", "", func(c *Config) *string { return &c.MetricsListen }),
	}
}

// Load reads the configuration. path is a TOML file; it must exist where it was asked for
// (explicit). environ is as os.Environ gives it. Every fault is named in one error: the key, what
// it holds, and what is allowed.
func Load(path string, explicit bool, environ []string) (Config, error) {
	var c Config
	var faults []error
	values := map[string]string{}
	origin := map[string]string{}
	if path == "" {
		path = "ruche.toml"
	}
	body, err := os.ReadFile(path)
	switch {
	case err == nil:
		faults = append(faults, fromFile(path, body, values, origin)...)
	case explicit || !errors.Is(err, os.ErrNotExist):
		return c, fmt.Errorf("read configuration: %w", err)
	}
	known := map[string]key{}
	for _, k := range keys() {
		known[k.variable()] = k
	}
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		if !strings.HasPrefix(name, "RUCHE_") || strings.HasPrefix(name, "RUCHE_TEST_") {
			continue
		}
		k, ok := known[name]
		if !ok {
			faults = append(faults, fmt.Errorf("%s (%q) is no key of this program: allowed are %s", name, value, strings.Join(variables(), ", ")))
			continue
		}
		values[k.path], origin[k.path] = value, name
	}
	for _, k := range keys() {
		value, given := values[k.path]
		if !given {
			if k.path == "public_url" || k.path == "name" {
				continue // from the domain, below
			}
			value, origin[k.path] = k.initial, k.path
		}
		if err := k.set(&c, strings.TrimSpace(value)); err != nil {
			faults = append(faults, fmt.Errorf("%s is %q: it %w; allowed: %s", origin[k.path], value, err, k.allowed))
		}
	}
	faults = append(faults, c.complete()...)
	return c, oneLine(faults)
}

func fromFile(path string, body []byte, values, origin map[string]string) []error {
	var tree map[string]any
	if err := toml.Unmarshal(body, &tree); err != nil {
		return []error{fmt.Errorf("%s: %w", path, err)}
	}
	known := map[string]bool{}
	var names []string
	for _, k := range keys() {
		known[k.path] = true
		names = append(names, k.path)
	}
	var faults []error
	var walk func(prefix string, tree map[string]any)
	walk = func(prefix string, tree map[string]any) {
		for _, name := range sortedNames(tree) {
			full := strings.TrimPrefix(prefix+"."+name, ".")
			switch v := tree[name].(type) {
			case map[string]any:
				walk(full, v)
				continue
			case []any:
				var parts []string
				for _, x := range v {
					parts = append(parts, fmt.Sprint(x))
				}
				values[full] = strings.Join(parts, ",")
			default:
				values[full] = fmt.Sprint(v)
			}
			origin[full] = full + " in " + path
			if !known[full] {
				faults = append(faults, fmt.Errorf("%s (%q) in %s is no key of this program: allowed are %s", full, values[full], path, strings.Join(names, ", ")))
			}
		}
	}
	walk("", tree)
	return faults
}

func sortedNames(m map[string]any) []string {
	names := make([]string, 0, len(m))
	for n := range m {
		names = append(names, n)
	}
	sort.Strings(names)
	return names
}

func variables() []string {
	var out []string
	for _, k := range keys() {
		out = append(out, k.variable())
	}
	return out
}

// oneLine joins faults for a command line, which prints one line.
func oneLine(faults []error) error {
	if len(faults) == 0 {
		return nil
	}
	parts := make([]string, len(faults))
	for i, f := range faults {
		parts[i] = strings.ReplaceAll(f.Error(), "\n", " ")
	}
	return errors.New(strings.Join(parts, "; "))
}

// complete derives what follows from the domain, and checks what depends on each other.
func (c *Config) complete() []error {
	var faults []error
	if c.Domain == "" {
		return []error{errors.New("RUCHE_DOMAIN is not set: it is what stands after the @ of this node's accounts, such as siege.example")}
	}
	domain, err := federation.NormalizeHost(c.Domain)
	if err != nil {
		return []error{fmt.Errorf("RUCHE_DOMAIN is %q: it is no host name; allowed: a host name such as siege.example", c.Domain)}
	}
	c.Domain = domain
	local := isLocalhost(domain) && c.TLSCert == ""
	if c.PublicURL == "" {
		c.PublicURL = "https://" + domain
		if local {
			c.PublicURL = "http://" + domain
		}
	}
	c.PublicURL = strings.TrimSuffix(c.PublicURL, "/")
	u, err := url.Parse(c.PublicURL)
	host, hostErr := federation.HostOf(c.PublicURL)
	switch {
	case err != nil || hostErr != nil || u.Path != "" || u.RawQuery != "" || u.Fragment != "":
		faults = append(faults, fmt.Errorf("RUCHE_PUBLIC_URL is %q: it isn't the address of a host; allowed: https://host", c.PublicURL))
	case u.Scheme != "https" && (!local || !isLocalhost(host)):
		faults = append(faults, fmt.Errorf("RUCHE_PUBLIC_URL is %q: plain http is for *.localhost only; allowed: https://host", c.PublicURL))
	default:
		c.PublicURL = u.Scheme + "://" + host
	}
	if (c.TLSCert == "") != (c.TLSKey == "") {
		faults = append(faults, errors.New("RUCHE_TLS_CERT and RUCHE_TLS_KEY go together: set both or neither"))
	}
	if c.SMTPURL != "" {
		if a, err := mail.ParseAddress(c.MailFrom); err != nil || a.Address != c.MailFrom {
			faults = append(faults, fmt.Errorf("RUCHE_MAIL_FROM is %q: RUCHE_SMTP_URL needs a sender beside it; allowed: an e-mail address such as ruche@%s", c.MailFrom, c.Domain))
		}
		if u, err := url.Parse(c.SMTPURL); err != nil || u.Hostname() == "" {
			faults = append(faults, errors.New("RUCHE_SMTP_URL names no host; allowed: smtp://user:password@host:587, with what isn't a letter or digit of the password as %XX"))
		}
	}
	if c.Name == "" {
		c.Name = c.Domain
	}
	if c.DatabaseURL == "" {
		c.DatabaseURL = "sqlite:" + filepath.Join(c.DataDir, "ruche.db")
	}
	return faults
}

func isLocalhost(host string) bool {
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	return name == "localhost" || strings.HasSuffix(name, ".localhost")
}

// Host is the authority of this node's ids: host[:port] of PublicURL.
func (c Config) Host() string {
	host, err := federation.HostOf(c.PublicURL)
	if err != nil {
		return c.Domain
	}
	return host
}

// SQLite says whether the database is a file of this machine.
func (c Config) SQLite() bool { return strings.HasPrefix(c.DatabaseURL, "sqlite:") }

// Localhost says whether this is a node for trying things out: its own name is under localhost
// and it has no TLS. Only such a node speaks plain HTTP to peers, under localhost too.
func (c Config) Localhost() bool {
	return isLocalhost(c.Domain) && strings.HasPrefix(c.PublicURL, "http://")
}

// Lines gives the effective configuration as a TOML-like list, passwords left out.
func (c Config) Lines() []string {
	var out []string
	for _, k := range keys() {
		out = append(out, fmt.Sprintf("%s = %q", k.path, redacted(k.get(&c))))
	}
	return out
}

// redacted leaves the password out of an address, wherever it stands there.
func redacted(value string) string {
	u, err := url.Parse(value)
	if err != nil || u.Scheme == "" {
		return value
	}
	query := u.Query()
	for name := range query {
		if strings.Contains(strings.ToLower(name), "password") {
			query.Set(name, "xxxxx")
			u.RawQuery = query.Encode()
		}
	}
	if u.User == nil && u.RawQuery == "" {
		return value
	}
	return u.Redacted()
}

// ConfigReference is docs/admin/configuration.md.
func ConfigReference() string {
	var b strings.Builder
	b.WriteString("# Configuration\n\nA node reads `ruche.toml` in its working directory (or the file given with `--config`), then the environment; a variable wins over the file.\nA wrong or unknown key is an error that names the key, what it holds and what is allowed. `ruche config check` shows what is in force.\n\n| in the file | variable | default | allowed | meaning |\n|---|---|---|---|---|\n")
	for _, k := range keys() {
		initial := k.initial
		if initial == "" {
			initial = "none"
		}
		fmt.Fprintf(&b, "| `%s` | `%s` | `%s` | %s | %s |\n", k.path, k.variable(), initial, k.allowed, k.doc)
	}
	b.WriteString("\nKeys with a dot stand in a table: `federation.ca_file` is `ca_file` under `[federation]`. Lists are TOML arrays or texts with commas.\nVariables that begin with `RUCHE_TEST_` are ignored.\n")
	return b.String()
}
