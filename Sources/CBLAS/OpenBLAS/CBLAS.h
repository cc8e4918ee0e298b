#include <cblas.h>

// lapacke.h does not come with every OpenBLAS, so its LAPACK is called by the names that Fortran gives it. The
// functions below take values and return `info`.
void dgeqrf_(const int *m, const int *n, double *a, const int *lda, double *tau, double *work, const int *lwork,
             int *info);
void dgeqp3_(const int *m, const int *n, double *a, const int *lda, int *jpvt, double *tau, double *work,
             const int *lwork, int *info);
void dorgqr_(const int *m, const int *n, const int *k, double *a, const int *lda, const double *tau, double *work,
             const int *lwork, int *info);

static inline int tensorferry_dgeqrf(int m, int n, double *a, double *tau, double *work, int lwork) {
  int info = 0;
  dgeqrf_(&m, &n, a, &m, tau, work, &lwork, &info);
  return info;
}

static inline int tensorferry_dgeqp3(int m, int n, double *a, int *jpvt, double *tau, double *work, int lwork) {
  int info = 0;
  dgeqp3_(&m, &n, a, &m, jpvt, tau, work, &lwork, &info);
  return info;
}

static inline int tensorferry_dorgqr(int m, int n, double *a, const double *tau, double *work, int lwork) {
  int info = 0;
  dorgqr_(&m, &n, &n, a, &m, tau, work, &lwork, &info);
  return info;
}
