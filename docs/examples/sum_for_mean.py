"""A training that runs and does not learn: Nielsen's network, with one line too many.

python docs/examples/sum_for_mean.py
byhand doctor docs/examples/sum_for_mean.py:make
"""

import byhand


class Mine(byhand.FeedForward):
    def learn(self, x, y):
        cost = super().learn(x, y)
        self.gradient *= len(x)  # a sum over the batch, where the mean is meant
        return cost


def make(seed=1):
    mnist = byhand.data.load("mnist")
    net = Mine((784, 30, 10), seed=seed)
    training = byhand.steps(net, mnist.train, epochs=10, batch_size=100, optimizer=byhand.optim.SGD(3.0), seed=seed)
    return byhand.Patient(training, mnist.validation, mnist.test)


if __name__ == "__main__":
    patient = make()
    for step in patient.training:
        if step.last:
            _, right = patient.model.evaluate(patient.validation.flat, patient.validation.targets())
            print(f"epoch {step.epoch + 1}: cost {step.cost:.4f}, {right:.1%} right")
