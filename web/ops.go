package web

import (
	"net/http"
	"net/netip"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// probes answers what operators' machines ask, under any Host: they know addresses, not names.
func (w *Web) probes(next http.Handler, metricsHere bool) http.Handler {
	metrics := w.MetricsHandler()
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			next.ServeHTTP(rw, r)
		case r.URL.Path == "/livez":
			probed(rw, http.StatusOK, "alive\n")
		case r.URL.Path == "/readyz":
			if err := w.checkReady(r.Context()); err != nil {
				w.opt.Log.WarnContext(r.Context(), "not ready", "err", err)
				probed(rw, http.StatusServiceUnavailable, "not ready: the log of this node says why\n")
				return
			}
			probed(rw, http.StatusOK, "ready\n")
		case r.URL.Path == "/metrics" && metricsHere && sameMachine(r):
			metrics.ServeHTTP(rw, r)
		default:
			next.ServeHTTP(rw, r)
		}
	})
}

func probed(rw http.ResponseWriter, status int, text string) {
	rw.Header().Set("Content-Type", "text/plain; charset=utf-8")
	rw.Header().Set("Cache-Control", "no-store")
	rw.WriteHeader(status)
	_, _ = rw.Write([]byte(text))
}

// sameMachine says whether a request was made here and not through a proxy: metrics name peers,
// which strangers needn't know.
func sameMachine(r *http.Request) bool {
	remote, err := netip.ParseAddrPort(r.RemoteAddr)
	return err == nil && remote.Addr().Unmap().IsLoopback() && r.Header.Get("X-Forwarded-For") == "" && r.Header.Get("Forwarded") == ""
}

// MetricsHandler shows the metrics in Prometheus' format, for a listener that only operators
// reach.
func (w *Web) MetricsHandler() http.Handler {
	if w.opt.Metrics == nil {
		return http.NotFoundHandler()
	}
	return promhttp.HandlerFor(w.opt.Metrics, promhttp.HandlerOpts{})
}

// figures count requests by route, never by person or full path.
type figures struct{ times *prometheus.HistogramVec }

func newFigures(registry *prometheus.Registry) *figures {
	f := &figures{times: prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "ruche_http_request_seconds", Help: "How long requests took, by method, route and status.",
		Buckets: prometheus.ExponentialBuckets(0.001, 4, 8),
	}, []string{"method", "route", "status"})}
	if registry != nil {
		registry.MustRegister(f.times)
	}
	return f
}

func (f *figures) observe(method, route string, status int, took time.Duration) {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
	default:
		method = "other" // a caller must not make labels
	}
	f.times.WithLabelValues(method, route, strconv.Itoa(status)).Observe(took.Seconds())
}
