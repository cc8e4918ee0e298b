#include <Accelerate/Accelerate.h>

// LAPACK with values as arguments and `info` as the result, as beside OpenBLAS.
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
  dorgqr_(&m, &n, &n, a, &m, (double *)tau, work, &lwork, &info);
  return info;
}
