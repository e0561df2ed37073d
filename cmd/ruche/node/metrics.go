package node

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"ruche/storage"
)

// metrics are what a node tells its operators about itself; nothing about any person.
type metrics struct {
	registry     *prometheus.Registry
	transactions *prometheus.HistogramVec
	jobs         *prometheus.CounterVec
	jobTimes     *prometheus.HistogramVec
	refusals     *prometheus.CounterVec
	depth        *prometheus.GaugeVec
	age          *prometheus.GaugeVec
}

func newMetrics() *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		transactions: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "ruche_transaction_seconds", Help: "How long a transaction took, with its waiting.",
			Buckets: prometheus.ExponentialBuckets(0.0001, 4, 9)}, []string{"kind"}),
		jobs:     prometheus.NewCounterVec(prometheus.CounterOpts{Name: "ruche_jobs_total", Help: "Runs of jobs by kind, peer and outcome; deliveries are jobs of kind deliver."}, []string{"kind", "peer", "outcome"}),
		jobTimes: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "ruche_job_seconds", Help: "How long a run of a job took.", Buckets: prometheus.ExponentialBuckets(0.001, 4, 9)}, []string{"kind"}),
		refusals: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "ruche_inbox_refusals_total", Help: "What peers sent that was refused or had no effect, by reason."}, []string{"reason"}),
	}
	m.depth = prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "ruche_queue_jobs", Help: "Jobs that wait, run or were given up, by kind, peer and state."}, []string{"kind", "peer", "state"})
	m.age = prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "ruche_queue_oldest_seconds", Help: "Age of the oldest job, by kind, peer and state."}, []string{"kind", "peer", "state"})
	m.registry.MustRegister(m.transactions, m.jobs, m.jobTimes, m.refusals, m.depth, m.age, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

func (m *metrics) transaction(kind string, took time.Duration) {
	m.transactions.WithLabelValues(kind).Observe(took.Seconds())
}

func (m *metrics) job(j *storage.Job, outcome string, took time.Duration) {
	m.jobs.WithLabelValues(j.Kind, j.Host, outcome).Inc()
	m.jobTimes.WithLabelValues(j.Kind).Observe(took.Seconds())
}

func (m *metrics) refused(reason string) { m.refusals.WithLabelValues(reason).Inc() }

// watch keeps the figures of the queue fresh until ctx ends. They are counted here and not when
// somebody asks, so that asking often costs nothing.
func (m *metrics) watch(ctx context.Context, db *storage.DB, every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		if depths, err := db.QueueDepths(ctx); err == nil {
			m.depth.Reset()
			m.age.Reset()
			for _, d := range depths {
				m.depth.WithLabelValues(d.Kind, d.Host, d.State).Set(float64(d.Jobs))
				m.age.WithLabelValues(d.Kind, d.Host, d.State).Set(db.Now().Sub(d.Oldest).Seconds())
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
